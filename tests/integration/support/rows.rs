use std::any::Any;
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A row of a table. It begins with what it is about.
pub(crate) trait Row {
    fn sentence(&self) -> String;
}

impl Row for &str {
    fn sentence(&self) -> String {
        format!("{self:?}")
    }
}

/// Tuples, by their first element.
macro_rules! rows {
    ($($further:ident)*) => {
        impl<S: Display, $($further),*> Row for (S, $($further),*) {
            fn sentence(&self) -> String {
                self.0.to_string()
            }
        }
    };
}

rows!();
rows!(A);
rows!(A B);
rows!(A B C);
rows!(A B C D);

/// Tries each row, whatever became of those before it, and then names all that failed with their reasons.
#[track_caller]
pub(crate) fn each_row<R: Row>(rows: impl IntoIterator<Item = R>, mut holds: impl FnMut(R)) {
    let (mut failed, mut count) = (Vec::new(), 0);
    for row in rows {
        let sentence = row.sentence();
        // A row that leaves something behind can make others fail, not pass.
        if let Err(reason) = catch_unwind(AssertUnwindSafe(|| holds(row))) {
            failed.push(format!("{sentence}: {}", said(&*reason)));
        }
        count += 1;
    }
    assert!(count > 0, "a table without rows holds nothing");
    assert!(failed.is_empty(), "{} of {count} rows:\n{}", failed.len(), failed.join("\n"));
}

/// What a panic said.
fn said(reason: &(dyn Any + Send)) -> &str {
    let text = reason.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| reason.downcast_ref::<&str>().copied()).unwrap_or("it panicked")
}

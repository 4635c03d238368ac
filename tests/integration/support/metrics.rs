use std::collections::{BTreeMap, BTreeSet};

/// What a gateway's admin listener says at `/metrics`: each series as it is written, with its value.
#[derive(Debug)]
pub(crate) struct Metrics {
    text: String,
    samples: BTreeMap<String, f64>,
}

impl Metrics {
    /// Reads the text as strictly as Prometheus does: a name's lines stand together below its help and its type, and no
    /// series is there twice.
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        let mut samples = BTreeMap::new();
        let (mut families, mut family) = (BTreeSet::new(), String::new());
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                family = help.split(' ').next().unwrap().to_owned();
                assert!(families.insert(family.clone()), "{family} is there twice");
                let kind = lines.next().unwrap();
                assert!(kind.starts_with(&format!("# TYPE {family} ")), "{kind}");
                continue;
            }
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let parts = ["", "_bucket", "_sum", "_count"];
            assert!(parts.iter().any(|part| *name == format!("{family}{part}")), "{line} below {family}");
            let value = value.parse().unwrap_or_else(|_| panic!("not a number: {line}"));
            assert!(samples.insert(series.to_owned(), value).is_none(), "{series} is there twice");
        }
        Self { text: text.to_owned(), samples }
    }

    /// The value of `gatewright_SERIES`, labels as they are written.
    #[track_caller]
    pub(crate) fn value(&self, series: &str) -> f64 {
        let found = self.get(series);
        found.unwrap_or_else(|| panic!("no series {series} in\n{}", self.text))
    }

    pub(crate) fn get(&self, series: &str) -> Option<f64> {
        self.samples.get(&format!("gatewright_{series}")).copied()
    }

    /// The names of all families.
    pub(crate) fn families(&self) -> Vec<&str> {
        self.text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect()
    }
}

//! The runs as a picture: a bar for each proxy in each scenario, and how far its rounds lie apart.

use std::fmt::Write as _;

use super::report::Facts;
use super::run::Run;
use super::scenario::Scenario;
use super::summary::{self, Line, Spread};

const WIDTH: f64 = 880.0;
/// Where bars begin, and how long the longest may be.
const LEFT: f64 = 170.0;
const ROOM: f64 = 520.0;
const BAR: f64 = 14.0;
const STEP: f64 = 21.0;
/// Above the bars of a scenario: its title.
const TITLE: f64 = 40.0;
const TOP: f64 = 64.0;
const BOTTOM: f64 = 34.0;

const STYLE: &str = r#"
    text { font: 13px "Helvetica Neue", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #1f2328; }
    .heading { font-size: 15px; font-weight: 600; }
    .small { font-size: 12px; fill: #57606a; }
    .right { text-anchor: end; }
    .page { fill: #ffffff; stroke: #d0d7de; }
    .bar { fill: #afb8c1; }
    .ours { fill: #0969da; }
    .spread { stroke: #1f2328; stroke-width: 1.4; }
    .one { stroke: #8c959f; stroke-dasharray: 3 3; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .small { fill: #9da7b3; }
      .page { fill: #0d1117; stroke: #30363d; }
      .bar { fill: #484f58; }
      .ours { fill: #388bfd; }
      .spread { stroke: #e6edf3; }
      .one { stroke: #6e7681; }
    }
"#;

/// What one scenario shows: a title, and of each proxy its label, the ratio to nginx, and the figure behind it.
struct Group {
    title: String,
    bars: Vec<Bar>,
}

struct Bar {
    ours: bool,
    label: String,
    ratio: Spread,
    figure: String,
}

/// The picture, as SVG.
pub(crate) fn svg(runs: &[Run], facts: &Facts) -> String {
    let groups: Vec<_> =
        Scenario::ALL.into_iter().filter_map(|scenario| group(runs, facts, scenario)).collect();
    let most = groups.iter().flat_map(|group| &group.bars).map(|bar| bar.ratio.most).fold(1.0, f64::max);
    let height =
        groups.iter().map(|group| TITLE + STEP * group.bars.len() as f64).sum::<f64>() + TOP + BOTTOM;
    let mut svg = head(height, facts);
    let mut y = TOP;
    for group in &groups {
        y = group.draw(&mut svg, y, ROOM / most);
    }
    let _ = writeln!(
        svg,
        "  <text class=\"small\" x=\"24\" y=\"{:.0}\">Bars: median of the rounds; lines: the least and the most. Less is better.</text>\n</svg>",
        height - 14.0
    );
    svg
}

fn head(height: f64, facts: &Facts) -> String {
    let title = "CPU time per request and latency, as multiples of nginx's";
    let peers = escape(&facts.names().join(", "));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-labelledby=\"title description\">\n  \
         <title id=\"title\">{title}</title>\n  \
         <desc id=\"description\">A bar for each of {peers} in each scenario; the figures are in the table beside the picture.</desc>\n  \
         <style>{STYLE}  </style>\n  \
         <rect class=\"page\" x=\"0.5\" y=\"0.5\" width=\"{:.0}\" height=\"{:.0}\" rx=\"8\"/>\n  \
         <text class=\"heading\" x=\"24\" y=\"32\">{title}</text>\n  \
         <text class=\"small\" x=\"24\" y=\"52\">{}, {}</text>\n",
        WIDTH - 1.0,
        height - 1.0,
        escape(&facts.date),
        escape(&facts.machine),
    )
}

/// None where nothing was measured that could be compared.
fn group(runs: &[Run], facts: &Facts, scenario: Scenario) -> Option<Group> {
    let lines = summary::lines(runs, scenario, &facts.names());
    let bars: Vec<_> = lines.iter().filter_map(|line| bar(line, scenario, facts)).collect();
    let rate = lines.first().map_or(0.0, |line| line.median(|run| run.rate));
    let title = match scenario {
        Scenario::Latency => format!("latency: p99 at {rate:.0} requests/s"),
        _ => scenario.title().to_owned(),
    };
    (!bars.is_empty()).then_some(Group { title, bars })
}

fn bar(line: &Line<'_>, scenario: Scenario, facts: &Facts) -> Option<Bar> {
    let (ratio, figure) = match scenario {
        Scenario::Latency => (line.p99_ratio?, format!("{:.2} ms", line.median(|run| run.p99))),
        _ => (line.ratio?, format!("{:.1} µs", line.cpu.median)),
    };
    Some(Bar { ours: line.peer == "gatewright", label: facts.label(line.peer, scenario), ratio, figure })
}

impl Group {
    /// Draws it below `top` and answers where it ends; `scale` is the length of nginx's bar.
    fn draw(&self, svg: &mut String, top: f64, scale: f64) -> f64 {
        let title = escape(&self.title);
        let _ = writeln!(svg, "  <text x=\"24\" y=\"{:.0}\">{title}</text>", top + 27.0);
        let mut y = top + TITLE;
        let begin = y;
        for bar in &self.bars {
            bar.draw(svg, y, scale);
            y += STEP;
        }
        let one = LEFT + scale;
        let _ = writeln!(
            svg,
            "  <line class=\"one\" x1=\"{one:.1}\" y1=\"{:.1}\" x2=\"{one:.1}\" y2=\"{:.1}\"/>",
            begin - 4.0,
            y - STEP + BAR + 4.0
        );
        y
    }
}

impl Bar {
    fn draw(&self, svg: &mut String, y: f64, scale: f64) {
        let Spread { median, least, most } = self.ratio;
        let (class, middle) = (if self.ours { "ours" } else { "bar" }, y + BAR / 2.0);
        let text = y + BAR - 2.5;
        let [length, least, most] = [median, least, most].map(|ratio| ratio * scale);
        let _ = writeln!(
            svg,
            "  <text class=\"small right\" x=\"{:.0}\" y=\"{text:.1}\">{}</text>\n  \
             <rect class=\"{class}\" x=\"{LEFT:.0}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{BAR:.0}\"/>\n  \
             <line class=\"spread\" x1=\"{:.1}\" y1=\"{middle:.1}\" x2=\"{:.1}\" y2=\"{middle:.1}\"/>\n  \
             <text class=\"small\" x=\"{:.1}\" y=\"{text:.1}\">{median:.2} × · {}</text>",
            LEFT - 8.0,
            escape(&self.label),
            LEFT + least,
            LEFT + most,
            LEFT + most.max(length).max(scale) + 10.0,
            escape(&self.figure),
        );
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(peer: &str, user: f64) -> Run {
        Run { round: 1, scenario: "plain".to_owned(), peer: peer.to_owned(), user, ..Run::default() }
    }

    #[test]
    fn bars_are_as_long_as_their_ratio_says() {
        let peers =
            ["gatewright", "nginx", "a<b"].map(|name| [name.to_owned(), String::new(), String::new()]);
        let [date, commit, machine] = ["", "", ""].map(str::to_owned);
        let facts = Facts { date, commit, machine, peers: peers.to_vec() };
        let svg = svg(&[run("gatewright", 10.0), run("nginx", 20.0), run("a<b", 80.0)], &facts);
        for part in [
            r#"<rect class="ours" x="170" y="104.0" width="65.0" height="14"/>"#,
            r#"<rect class="bar" x="170" y="125.0" width="130.0" height="14"/>"#,
            r#"<rect class="bar" x="170" y="146.0" width="520.0" height="14"/>"#,
            "0.50 × · 10.0 µs",
            "a&lt;b",
        ] {
            assert!(svg.contains(part), "{part}\nis not in\n{svg}");
        }
        assert!(svg.trim_end().ends_with("</svg>"));
    }
}

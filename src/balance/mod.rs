//! stub
#![allow(missing_docs)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    Random,
    RoundRobin,
    WeightedRoundRobin,
    ConsistentHash,
    LeastRequest,
}
#[derive(Debug)]
pub struct Target {
    pub id: String,
    pub weight: u32,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Failure,
    Abandoned,
}
pub trait Balancer: Send + Sync + std::fmt::Debug {
    fn pick(&self, key: Option<&[u8]>, usable: &dyn Fn(usize) -> bool) -> Option<usize>;
    fn take(&self, _index: usize) {}
    fn report(&self, index: usize, outcome: Outcome);
}
#[derive(Debug)]
struct Rr(usize, std::sync::atomic::AtomicUsize);
impl Balancer for Rr {
    fn pick(&self, _: Option<&[u8]>, usable: &dyn Fn(usize) -> bool) -> Option<usize> {
        let at = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (0..self.0).map(|n| (at + n) % self.0).find(|n| usable(*n))
    }
    fn report(&self, _: usize, _: Outcome) {}
}
pub fn build(_: Algorithm, targets: &[Target], _: u32) -> Box<dyn Balancer> {
    Box::new(Rr(targets.len(), Default::default()))
}

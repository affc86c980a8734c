//! Every fuzz target takes its first inputs; what libFuzzer needs long for is then not a surprise.

use tests::fuzz::TARGETS;

#[test]
fn every_target_takes_its_seeds() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty());
        for seed in seeds {
            assert!(
                seed.len() <= target.len_max,
                "{}: {}",
                target.name,
                seed.len()
            );
            (target.run)(&seed);
        }
    }
}

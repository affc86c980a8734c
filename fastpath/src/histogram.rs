//! Histograms of a worker.

//! `logging`.

mod class;
mod parse;
mod render;
mod rows;
#[cfg(test)]
pub(crate) mod tests;

pub use class::LogClass;
pub(crate) use render::render;
pub(crate) use rows::ROWS;

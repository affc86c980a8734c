//! Port translation with ports that belong to workers.

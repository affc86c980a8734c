//! The steps of bringing a configuration into force, as jobs for another thread.
//!
//! ```text
//!   PlanJob --> Planned --(tunnel owner reconciles)--> CompileJob --> Compiled
//! ```

use std::sync::Arc;

use config::Config;
use fastpath::policy::Policy;

use super::{Bindings, Compiler, Note, Plan};
use crate::ike::IndexedConfig;
use crate::tunnel::Reconciliation;

/// A plan to be made.
#[derive(Debug)]
pub struct PlanJob {
    compiler: Compiler,
    config: Arc<Config>,
}

impl PlanJob {
    /// The plan for a configuration.
    pub const fn new(compiler: Compiler, config: Arc<Config>) -> Self {
        Self { compiler, config }
    }

    /// Makes it. Takes milliseconds for ten thousand tunnels.
    pub fn run(mut self) -> Planned {
        let plan = self.compiler.plan(&self.config);
        Planned {
            compiler: self.compiler,
            config: self.config,
            plan,
        }
    }
}

/// A plan, until the tunnels are as it says.
#[derive(Debug)]
pub struct Planned {
    compiler: Compiler,
    config: Arc<Config>,
    plan: Plan,
}

impl Planned {
    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What is left to do to the tunnels.
    pub const fn tunnels(&mut self) -> &mut Reconciliation {
        &mut self.plan.tunnels
    }

    /// The compilation with the slots that tunnels have now and `ports` by hardware name.
    pub const fn compile(self, ports: Vec<(String, u16)>) -> CompileJob {
        CompileJob {
            planned: self,
            ports,
        }
    }
}

/// A policy to be compiled.
#[derive(Debug)]
pub struct CompileJob {
    planned: Planned,
    ports: Vec<(String, u16)>,
}

impl CompileJob {
    /// Compiles it. Takes milliseconds for ten thousand access-list entries.
    pub fn run(self) -> Compiled {
        let Planned {
            mut compiler,
            config,
            plan,
        } = self.planned;
        let bindings = Bindings {
            ports: self.ports,
            slots: plan.tunnels.given().to_vec(),
        };
        let applied = compiler.policy(&config, &bindings);
        let notes: Vec<Note> = plan.notes.into_iter().chain(applied.notes).collect();
        Compiled {
            noted: notes.len(),
            fresh: compiler.take_notes(notes),
            compiler,
            policy: applied.policy,
            ike: plan.ike.into(),
        }
    }
}

impl Compiler {
    /// Takes over the notes on a configuration; those that were none on the last one.
    fn take_notes(&mut self, notes: Vec<Note>) -> Vec<Note> {
        let fresh = notes.iter().filter(|note| !self.notes.contains(*note));
        let fresh = fresh.cloned().collect();
        self.notes = notes.into_iter().collect();
        fresh
    }
}

/// A configuration that can come into force.
#[derive(Debug)]
pub struct Compiled {
    /// The compiler, for the next one.
    pub compiler: Compiler,
    /// For the workers.
    pub policy: Policy,
    /// For the IKE engine.
    pub ike: IndexedConfig,
    /// What was left out.
    pub noted: usize,
    /// What of it was not left out before.
    pub fresh: Vec<Note>,
}

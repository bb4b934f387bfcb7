//! The far end of the sampler's exec (pure): our lines in, the machine's readings out. What is said is for
//! [`crate::machine::FarSide`]; this cuts the input into lines and shows it the world.

use std::mem;

use crate::machine::FarSide;
use crate::machine::wire::{Tool, WireArgs};

use super::Faults;
use super::readings::now;
use super::world::World;

/// Longest line of ours that is read; a longer one is no beat.
const LONGEST_REQUEST: usize = 64 * 1024;

/// One running sampler.
#[derive(Debug)]
pub(super) struct Sampler {
    args: WireArgs,
    far: FarSide,
    pending: Vec<u8>,
}

impl Sampler {
    pub(super) fn new(args: WireArgs) -> Self {
        Self {
            far: FarSide::new(args.clone()),
            args,
            pending: Vec::new(),
        }
    }

    /// What it says first.
    pub(super) fn hello(&self, world: &World) -> String {
        let smi = world.profile.gpus.as_ref().map(|_| Tool::NvidiaSmi);
        let docker = world.profile.docker.then_some(Tool::Docker);
        let tools: Vec<Tool> = smi.into_iter().chain(docker).collect();
        self.args.hello(&tools)
    }

    /// Takes bytes of ours and answers every beat in them.
    pub(super) fn hear(
        &mut self,
        bytes: &[u8],
        name: &str,
        world: &World,
        faults: &Faults,
    ) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        let mut answer = Vec::new();
        while let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
            let rest = self.pending.split_off(end + 1);
            let line = mem::replace(&mut self.pending, rest);
            let mut now = now(name, world);
            if let (Some(report), Some(said)) = (&mut now.gpus, &faults.driver) {
                report.condition = said.clone();
            }
            answer.extend_from_slice(&faults.chatter);
            let beat = self.far.answer(&String::from_utf8_lossy(&line), &now);
            answer.extend_from_slice(beat.as_bytes());
        }
        if self.pending.len() > LONGEST_REQUEST {
            self.pending.clear();
        }
        answer
    }
}

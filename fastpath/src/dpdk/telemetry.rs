//! Commands of ours in DPDK's own telemetry socket.
//!
//! DPDK's thread calls; what answers reads atomics and published copies, nothing else.

use std::ffi::{CStr, CString, c_char, c_int};
use std::fmt;
use std::sync::OnceLock;

use dpdk_sys as sys;

use super::eal::EalError;

/// A value of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TelemetryValue {
    /// A number.
    Number(u64),
    /// A string; DPDK cuts what is longer than 127 bytes.
    Text(String),
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TelemetryAnswer {
    /// Names and values, at most [`DICT_ENTRIES_MAX`].
    Dict(Vec<(String, TelemetryValue)>),
    /// Numbers.
    Array(Vec<u64>),
}

/// Entries that DPDK 22.11 takes in one answer.
pub const DICT_ENTRIES_MAX: usize = 256;

/// Answers a command; gets what follows the comma. `None` is printed as `null`.
pub type TelemetrySource = Box<dyn Fn(&str) -> Option<TelemetryAnswer> + Send + Sync>;

/// A command of ours.
pub struct TelemetryCommand {
    /// Its name, `/holdfast/health`.
    pub name: &'static str,
    /// A line of help.
    pub help: &'static str,
    /// What answers.
    pub source: TelemetrySource,
}

impl fmt::Debug for TelemetryCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TelemetryCommand")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// DPDK keeps no pointer for a command of ours, so the command's name finds the source. Set once,
/// before DPDK knows any of them.
static COMMANDS: OnceLock<Vec<TelemetryCommand>> = OnceLock::new();

/// Registers commands, once per process. A command that DPDK has already is left to DPDK, and so
/// is everything when it runs without telemetry: those come back as errors.
pub fn register_telemetry(commands: Vec<TelemetryCommand>) -> Vec<EalError> {
    if COMMANDS.set(commands).is_err() {
        return vec![EalError::Name("telemetry commands, again".to_owned())];
    }
    let commands = COMMANDS.get().into_iter().flatten();
    commands
        .filter_map(|command| register(command).err())
        .collect()
}

fn register(command: &TelemetryCommand) -> Result<(), EalError> {
    let text = |text: &str| CString::new(text).map_err(|_| EalError::Name(text.to_owned()));
    let (name, help) = (text(command.name)?, text(command.help)?);
    // SAFETY: DPDK copies both strings, and the function lives as long as the process.
    let code =
        unsafe { sys::rte_telemetry_register_cmd(name.as_ptr(), Some(answer), help.as_ptr()) };
    match code {
        0 => Ok(()),
        code => Err(EalError::code(
            format!("telemetry command {}", command.name),
            code,
        )),
    }
}

extern "C" fn answer(
    command: *const c_char,
    parameters: *const c_char,
    data: *mut sys::rte_tel_data,
) -> c_int {
    let text = |pointer: *const c_char| {
        if pointer.is_null() {
            return c"".to_owned();
        }
        // SAFETY: DPDK passes NUL-terminated strings that live as long as the call.
        unsafe { CStr::from_ptr(pointer) }.to_owned()
    };
    let (command, parameters) = (text(command), text(parameters));
    // A panic must not cross into C.
    let found = std::panic::catch_unwind(|| {
        let mut commands = COMMANDS.get().into_iter().flatten();
        let known = commands.find(|it| it.name.as_bytes() == command.as_bytes())?;
        (known.source)(&parameters.to_string_lossy())
    });
    match found {
        Ok(Some(answer)) => fill(data, &answer),
        _ => -1,
    }
}

fn fill(data: *mut sys::rte_tel_data, answer: &TelemetryAnswer) -> c_int {
    match answer {
        TelemetryAnswer::Dict(entries) => {
            // SAFETY: the structure is DPDK's own for this call.
            unsafe { sys::rte_tel_data_start_dict(data) };
            for (name, value) in entries.iter().take(DICT_ENTRIES_MAX) {
                let Ok(name) = CString::new(name.as_str()) else {
                    continue;
                };
                add(data, &name, value);
            }
        }
        TelemetryAnswer::Array(numbers) => {
            // SAFETY: as above.
            unsafe { sys::rte_tel_data_start_array(data, sys::RTE_TEL_U64_VAL) };
            for &number in numbers {
                // SAFETY: as above; an array that is full takes no more and says so.
                unsafe { sys::rte_tel_data_add_array_u64(data, number) };
            }
        }
    }
    0
}

fn add(data: *mut sys::rte_tel_data, name: &CStr, value: &TelemetryValue) {
    match value {
        TelemetryValue::Number(number) => {
            // SAFETY: the structure is DPDK's own for this call, which copies the name.
            unsafe { sys::rte_tel_data_add_dict_u64(data, name.as_ptr(), *number) };
        }
        TelemetryValue::Text(text) => {
            let Ok(text) = CString::new(text.as_str()) else {
                return;
            };
            // SAFETY: as above, and the text is copied too.
            unsafe { sys::rte_tel_data_add_dict_string(data, name.as_ptr(), text.as_ptr()) };
        }
    }
}

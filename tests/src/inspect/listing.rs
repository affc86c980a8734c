//! A program as `objdump` lists it: its functions and what they call.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::instruction::{Instruction, parse};
use crate::lab::Result;
use crate::lab::run::run;

/// Instructions before a jump through a register in which its table has to appear.
const TABLE_REACH: usize = 12;

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// To an address of the program.
    Address(u64),
    /// To a function of a shared library.
    Foreign(String),
    /// Through a pointer.
    Pointer(String),
    /// Into the kernel.
    Kernel,
    /// Nowhere: the instruction locks a line of the cache.
    Atomic(String),
}

/// An instruction of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its address.
    pub at: u64,
    /// Where it goes.
    pub target: Target,
}

/// A function.
#[derive(Clone, Debug, Default)]
pub struct Function {
    /// Its name, demangled.
    pub name: String,
    /// What it calls.
    pub calls: Vec<Call>,
}

/// The functions of a program by their addresses.
#[derive(Debug, Default)]
pub struct Program {
    functions: BTreeMap<u64, Function>,
}

impl Program {
    /// Reads a program with `objdump`.
    ///
    /// # Errors
    /// When there is no such program, or no `objdump`.
    pub fn read(path: &Path) -> Result<Self> {
        let path = path.to_string_lossy();
        let relocations = run("objdump", &["-R", &path])?;
        let text = run("objdump", &["-d", "-C", "--no-show-raw-insn", "-w", &path])?;
        Ok(Self::parse(&text, &pointers(&relocations)))
    }

    fn parse(text: &str, pointers: &HashMap<u64, Pointer>) -> Self {
        let mut program = Self::default();
        let mut open: Option<(u64, Function, Body<'_>)> = None;
        for line in text.lines() {
            if let Some((start, name)) = head(line) {
                program.close(open.take());
                let name = name.to_owned();
                let function = Function {
                    name,
                    calls: Vec::new(),
                };
                open = Some((start, function, Body::default()));
            } else if let (Some((_, _, body)), Some(instruction)) = (&mut open, parse(line)) {
                body.take(instruction, pointers);
            }
        }
        program.close(open);
        program
    }

    fn close(&mut self, open: Option<(u64, Function, Body<'_>)>) {
        if let Some((start, mut function, body)) = open {
            function.calls = body.calls;
            self.functions.insert(start, function);
        }
    }

    /// The function that an address lies in, and where it starts.
    pub fn function_at(&self, address: u64) -> Option<(u64, &Function)> {
        let (start, function) = self.functions.range(..=address).next_back()?;
        Some((*start, function))
    }

    /// Addresses of the functions whose names end with `name`.
    pub fn named(&self, name: &str) -> Vec<u64> {
        let named = self
            .functions
            .iter()
            .filter(|(_, it)| it.name.ends_with(name));
        named.map(|(start, _)| *start).collect()
    }
}

/// What a fixed place in memory points to.
#[derive(Clone, Debug)]
enum Pointer {
    Local(u64),
    Foreign(String),
}

/// The dynamic relocations: what stands in the global offset table and in other fixed pointers.
fn pointers(text: &str) -> HashMap<u64, Pointer> {
    let mut pointers = HashMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let place = words
            .next()
            .and_then(|word| u64::from_str_radix(word, 16).ok());
        let (Some(place), Some(_), Some(value)) = (place, words.next(), words.next()) else {
            continue;
        };
        let pointer = match value.strip_prefix("*ABS*+0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok().map(Pointer::Local),
            None => Some(Pointer::Foreign(value.to_owned())),
        };
        pointers.extend(pointer.map(|pointer| (place, pointer)));
    }
    pointers
}

/// The first line of a function: `address <name>:`.
fn head(line: &str) -> Option<(u64, &str)> {
    let (address, rest) = line.split_once(" <")?;
    let name = rest.strip_suffix(">:")?;
    Some((u64::from_str_radix(address, 16).ok()?, name))
}

/// A function while it is read.
#[derive(Default)]
struct Body<'a> {
    calls: Vec<Call>,
    recent: Vec<Instruction<'a>>,
    /// What each register was last loaded with, where that is known.
    loaded: HashMap<&'a str, Pointer>,
}

impl<'a> Body<'a> {
    fn take(&mut self, instruction: Instruction<'a>, pointers: &HashMap<u64, Pointer>) {
        let target = self.target(&instruction, pointers);
        let at = instruction.at;
        self.calls.extend(target.map(|target| Call { at, target }));
        let copied = instruction.copies();
        let copied = copied.and_then(|(from, to)| Some((to, self.loaded.get(from)?.clone())));
        if let Some(register) = instruction.written() {
            self.loaded.remove(register);
        }
        let pointer = instruction.loads_pointer();
        let pointer = pointer.and_then(|(to, place)| Some((to, pointers.get(&place)?.clone())));
        let address = instruction.loads_address();
        let address = address.map(|(to, address)| (to, Pointer::Local(address)));
        self.loaded.extend(pointer.or(address).or(copied));
        if self.recent.len() == TABLE_REACH {
            self.recent.remove(0);
        }
        self.recent.push(instruction);
    }

    fn target(
        &self,
        instruction: &Instruction<'_>,
        pointers: &HashMap<u64, Pointer>,
    ) -> Option<Target> {
        if instruction.enters_kernel() {
            return Some(Target::Kernel);
        }
        if instruction.locks() {
            return Some(Target::Atomic(shown(instruction)));
        }
        if !instruction.is_call() && !instruction.is_jump() {
            return None;
        }
        if let Some(address) = instruction.target() {
            return Some(Target::Address(address));
        }
        let register = instruction.register();
        let fixed = instruction
            .fixed_pointer()
            .map(|place| pointers.get(&place));
        let known = fixed.unwrap_or_else(|| self.loaded.get(register?));
        match known {
            Some(Pointer::Local(address)) => Some(Target::Address(*address)),
            Some(Pointer::Foreign(name)) => Some(Target::Foreign(name.clone())),
            None if instruction.is_jump() && self.by_table(register) => None,
            None => Some(Target::Pointer(shown(instruction))),
        }
    }

    /// Whether a jump through this register goes by a table of offsets: an offset has been read
    /// with an index and was added to the table's address. Such a jump stays in its function.
    fn by_table(&self, register: Option<&str>) -> bool {
        let Some(register) = register else {
            return false;
        };
        let added = |it: &Instruction<'_>| it.mnemonic == "add" && it.written() == Some(register);
        let offset = |it: &Instruction<'_>| it.mnemonic == "movslq" && it.operands.contains(",4)");
        self.recent.iter().any(added) && self.recent.iter().any(offset)
    }
}

fn shown(instruction: &Instruction<'_>) -> String {
    let lock = if instruction.locked { "lock " } else { "" };
    format!("{lock}{} {}", instruction.mnemonic, instruction.operands)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RELOCATIONS: &str = "\
0000000000005fe8 R_X86_64_GLOB_DAT  memcpy@GLIBC_2.14
0000000000005ff0 R_X86_64_RELATIVE  *ABS*+0x2000
";

    fn calls(body: &str) -> Vec<Target> {
        let text = format!("0000000000001000 <a::b<c>>:\n{body}");
        let program = Program::parse(&text, &pointers(RELOCATIONS));
        let (start, function) = program.function_at(0x1004).expect("a function");
        assert_eq!((start, function.name.as_str()), (0x1000, "a::b<c>"));
        function
            .calls
            .iter()
            .map(|call| call.target.clone())
            .collect()
    }

    #[test]
    fn calls_through_the_offset_table_are_resolved() {
        let found = calls(
            "  1000:\tcall   *0x4fe2(%rip)        # 5fe8 <memcpy@GLIBC_2.14>\n\
             \x20 1006:\tmov    0x4fe4(%rip),%rbx        # 5ff0 <x>\n\
             \x20 100d:\tcall   *%rbx\n\
             \x20 100f:\tmov    (%rax),%rbx\n\
             \x20 1012:\tcall   *%rbx\n\
             \x20 1014:\tlea    0x10(%rip),%r15        # 2040 <e>\n\
             \x20 101b:\tmov    %r15,%r14\n\
             \x20 101c:\tcall   *%r14\n\
             \x20 101e:\tjmp    3000 <d>\n",
        );
        let expected = [
            Target::Foreign("memcpy@GLIBC_2.14".to_owned()),
            Target::Address(0x2000),
            Target::Pointer("call *%rbx".to_owned()),
            Target::Address(0x2040),
            Target::Address(0x3000),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_jump_by_a_table_stays_and_another_does_not() {
        let table = "  1000:\tmovslq (%rcx,%rax,4),%rax\n  1004:\tadd    %rcx,%rax\n";
        assert_eq!(calls(&format!("{table}  1007:\tjmp    *%rax\n")), []);
        let pointer = Target::Pointer("jmp *%rdx".to_owned());
        assert_eq!(calls(&format!("{table}  1007:\tjmp    *%rdx\n")), [pointer]);
        let member = Target::Pointer("jmp *0x18(%rax)".to_owned());
        assert_eq!(calls("  1000:\tjmp    *0x18(%rax)\n"), [member]);
    }

    #[test]
    fn the_kernel_and_locked_lines_are_seen() {
        let found = calls("  1000:\tsyscall\n  1002:\tlock incl (%rdi)\n");
        let atomic = Target::Atomic("lock incl (%rdi)".to_owned());
        assert_eq!(found, [Target::Kernel, atomic]);
    }
}

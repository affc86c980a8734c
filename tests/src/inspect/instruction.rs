//! One line of `objdump`: what matters of an instruction.

/// An instruction by its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction<'a> {
    pub(super) at: u64,
    pub(super) locked: bool,
    pub(super) mnemonic: &'a str,
    /// Operands without the comment and the name that objdump adds.
    pub(super) operands: &'a str,
    /// Address that objdump computed for an operand relative to the instruction pointer.
    pub(super) comment: Option<u64>,
}

/// Words before a mnemonic.
const PREFIXES: [&str; 14] = [
    "lock", "addr32", "data16", "notrack", "bnd", "rep", "repz", "repnz", "cs", "ds", "rex",
    "rex.W", "xacquire", "xrelease",
];

/// An instruction of a line, `None` for what is none.
pub(super) fn parse(line: &str) -> Option<Instruction<'_>> {
    let (at, text) = line.trim_start().split_once(":\t")?;
    let at = u64::from_str_radix(at, 16).ok()?;
    let (text, comment) = match text.split_once(" # ") {
        Some((text, comment)) => (text, first_number(comment)),
        None => (text, None),
    };
    let mut rest = text.trim();
    let mut locked = false;
    loop {
        let (word, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        if !PREFIXES.contains(&word) {
            return Some(Instruction {
                at,
                locked,
                mnemonic: word,
                operands: after.trim(),
                comment,
            });
        }
        locked |= word == "lock";
        rest = after.trim_start();
    }
}

fn first_number(text: &str) -> Option<u64> {
    let digits = text.split_whitespace().next()?;
    u64::from_str_radix(digits.trim_start_matches("0x"), 16).ok()
}

impl<'a> Instruction<'a> {
    pub(super) fn is_call(&self) -> bool {
        self.mnemonic.starts_with("call")
    }

    /// A jump of any kind, conditional ones too.
    pub(super) fn is_jump(&self) -> bool {
        self.mnemonic.starts_with('j')
    }

    /// Where it goes, when the instruction itself says so.
    pub(super) fn target(&self) -> Option<u64> {
        (!self.operands.starts_with('*'))
            .then(|| first_number(self.operands))
            .flatten()
    }

    /// The place in memory of a pointer that stands at a fixed address.
    pub(super) fn fixed_pointer(&self) -> Option<u64> {
        let relative = self.operands.starts_with('*') && self.operands.ends_with("(%rip)");
        relative.then_some(self.comment).flatten()
    }

    /// The register that it goes through.
    pub(super) fn register(&self) -> Option<&'a str> {
        self.operands.strip_prefix("*%")
    }

    /// The register that it writes as its last operand.
    pub(super) fn written(&self) -> Option<&'a str> {
        let reads = ["cmp", "test", "push", "pop", "bt"];
        if self.is_call() || self.is_jump() || reads.iter().any(|it| self.mnemonic.starts_with(it))
        {
            return None;
        }
        let (_, last) = self.operands.rsplit_once(',')?;
        last.strip_prefix('%')
    }

    /// A load of a pointer that stands at a fixed address into a register.
    pub(super) fn loads_pointer(&self) -> Option<(&'a str, u64)> {
        let (from, to) = self.operands.rsplit_once(',')?;
        let load = self.mnemonic == "mov" && from.ends_with("(%rip)");
        load.then_some((to.strip_prefix('%')?, self.comment?))
    }

    /// A load of an address of the program itself into a register: a function's, when it is called.
    pub(super) fn loads_address(&self) -> Option<(&'a str, u64)> {
        let (from, to) = self.operands.rsplit_once(',')?;
        let load = self.mnemonic == "lea" && from.ends_with("(%rip)");
        load.then_some((to.strip_prefix('%')?, self.comment?))
    }

    /// A copy from one register to another: from, to.
    pub(super) fn copies(&self) -> Option<(&'a str, &'a str)> {
        let (from, to) = self.operands.split_once(',')?;
        let registers = (from.strip_prefix('%')?, to.strip_prefix('%')?);
        (self.mnemonic == "mov").then_some(registers)
    }

    /// Whether it locks a line of the cache: `xchg` with memory does so without saying it.
    pub(super) fn locks(&self) -> bool {
        self.locked || self.mnemonic.starts_with("xchg") && self.operands.contains('(')
    }

    pub(super) fn enters_kernel(&self) -> bool {
        matches!(self.mnemonic, "syscall" | "sysenter")
            || self.mnemonic == "int" && self.operands == "$0x80"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let call = parse("   1a2b3:\tcall   4c010 <alloc::vec::Vec<T>::push>").unwrap();
        assert!(call.is_call());
        assert_eq!((call.at, call.target()), (0x1a2b3, Some(0x4c010)));
        let got = parse("  10:\tcall   *0x2f3(%rip)        # 5fe8 <memcpy@GLIBC_2.14>").unwrap();
        assert_eq!((got.target(), got.fixed_pointer()), (None, Some(0x5fe8)));
        let through = parse("  10:\tnotrack jmp *%rax").unwrap();
        assert!(through.is_jump());
        assert_eq!(through.register(), Some("rax"));
        assert_eq!(through.fixed_pointer(), None);
        let load = parse("  10:\tmov    0x2f3(%rip),%r14        # 5fe8 <x>").unwrap();
        assert_eq!(load.loads_pointer(), Some(("r14", 0x5fe8)));
        assert_eq!(parse("Disassembly of section .text:"), None);
    }

    #[test]
    fn locks_and_kernel_entries_are_seen() {
        let locks = |text: &str| parse(&format!(" 1:\t{text}")).unwrap().locks();
        assert!(locks("lock cmpxchg %rcx,(%rdx)") && locks("xchg   %eax,(%rdi)"));
        assert!(!locks("xchg   %ax,%ax") && !locks("mov    (%rdi),%rax"));
        let kernel = |text: &str| parse(&format!(" 1:\t{text}")).unwrap().enters_kernel();
        assert!(kernel("syscall") && kernel("int    $0x80") && !kernel("int3"));
    }

    #[test]
    fn the_register_that_is_written_is_the_last_one() {
        let written = |text: &'static str| {
            let line: &'static str = Box::leak(format!(" 1:\t{text}").into_boxed_str());
            parse(line).unwrap().written()
        };
        assert_eq!(written("add    %rcx,%rax"), Some("rax"));
        assert_eq!(written("mov    %rax,(%rcx)"), None);
        assert_eq!(written("cmp    %rcx,%rax"), None);
    }
}

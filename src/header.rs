//! The system's own `linux/sctp.h`, for tests to hold what is written down here
//! against. As much C is understood as that file has.

use core::ffi::c_int;
use std::fs;
use std::string::String;

pub(crate) struct Header(String);

impl Header {
    /// It comes with the C library's headers, which a linker does not do without.
    pub(crate) fn read() -> Self {
        let path = "/usr/include/linux/sctp.h";
        let text = fs::read_to_string(path).expect("linux-libc-dev or kernel-headers");
        let mut code = String::new();
        for part in text.split("/*") {
            code.push_str(part.split_once("*/").map_or(part, |(_comment, code)| code));
        }
        Self(code)
    }

    /// `#define NAME 102`
    pub(crate) fn number(&self, name: &str) -> c_int {
        let words = self.0.lines().map(str::split_whitespace);
        let number = words.into_iter().find_map(|mut words| {
            (words.next() == Some("#define") && words.next() == Some(name))
                .then(|| words.next()?.parse().ok())?
        });
        number.unwrap_or_else(|| panic!("no number {name}"))
    }

    pub(crate) fn size(&self, name: &str) -> usize {
        self.walk(name, "")
    }

    pub(crate) fn offset(&self, name: &str, field: &str) -> usize {
        let offset = self.walk(name, field);
        assert_ne!(offset, self.size(name), "no {field} in {name}");
        offset
    }

    /// Where the field begins, or where the struct ends that has no such field.
    fn walk(&self, name: &str, wanted: &str) -> usize {
        let mut at = 0_usize;
        for field in self.fields(name).split(';') {
            let field = field.trim();
            let Some((kind, field)) = field.rsplit_once([' ', '\t']) else {
                continue;
            };
            // The last field may be an array of no fixed length.
            let open = field.contains('[');
            let size = match kind.trim().trim_start_matches("struct ") {
                "__u8" => 1,
                "__u16" | "__be16" => 2,
                "__u32" | "__s32" | "__be32" | "int" | "unsigned" | "sctp_assoc_t" => 4,
                "sockaddr_storage" => 128,
                other => self.size(other),
            };
            // No field asks for more, since the structs are packed or hold no more.
            at = at.next_multiple_of(size.min(4));
            if field == wanted {
                return at;
            }
            at += if open { 0 } else { size };
        }
        at
    }

    /// What stands between the braces.
    fn fields(&self, name: &str) -> &str {
        let head = std::format!("struct {name} {{");
        let end = std::format!("}} {name};");
        if let Some((_, rest)) = self.0.split_once(&head) {
            return rest.split_once('}').expect("its end").0;
        }
        let (before, _) = self
            .0
            .split_once(&end)
            .unwrap_or_else(|| panic!("no struct {name}"));
        before.rsplit_once('{').expect("its beginning").1
    }
}

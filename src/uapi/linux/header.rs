//! Reads the system's `linux/sctp.h` for tests. Parses the subset of C that this header
//! uses.

use core::ffi::c_int;
use std::fs;
use std::string::String;

pub(crate) struct Header(String);

impl Header {
    /// The header comes with the headers of the C library.
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

    /// The offset of the field, or the size of the struct if it has no such field.
    fn walk(&self, name: &str, wanted: &str) -> usize {
        let mut at = 0_usize;
        let (fields, is_packed) = self.fields(name);
        for field in fields.split(';') {
            let field = field.trim();
            let Some((kind, field)) = field.rsplit_once([' ', '\t']) else {
                continue;
            };
            // The last field may be an array of no fixed length.
            let open = field.contains('[');
            let size = match kind.trim().trim_start_matches("struct ") {
                "__u8" | "uint8_t" => 1,
                "__u16" | "__be16" | "uint16_t" => 2,
                "__u32" | "__s32" | "__be32" | "int" | "unsigned" | "sctp_assoc_t" => 4,
                "sockaddr_storage" => 128,
                other => self.size(other),
            };
            if !is_packed {
                // No field of these structs has a greater alignment.
                at = at.next_multiple_of(size.min(4));
            }
            if field == wanted {
                return at;
            }
            at += if open { 0 } else { size };
        }
        // All of these structs are aligned to four bytes.
        at.next_multiple_of(4)
    }

    /// The text between the braces of the struct, and whether the struct is packed.
    fn fields(&self, name: &str) -> (&str, bool) {
        let head = std::format!("struct {name} {{");
        let end = std::format!("}} {name};");
        if let Some((_, rest)) = self.0.split_once(&head) {
            let (fields, rest) = rest.split_once('}').expect("the closing brace");
            return (
                fields,
                rest.trim_start().starts_with("__attribute__((packed"),
            );
        }
        let (before, _) = self
            .0
            .split_once(&end)
            .unwrap_or_else(|| panic!("no struct {name}"));
        let (_, fields) = before.rsplit_once('{').expect("the opening brace");
        (fields, false)
    }
}

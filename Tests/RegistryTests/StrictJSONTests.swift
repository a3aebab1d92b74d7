import Testing

@testable import Registry

struct StrictJSONTests {
    @Test(
        "Top-level keys are returned unescaped and in lower case",
        arguments: [
            ("{}", []), (#"{"a":1,"B":[1,{"c":{}}],"c":"}"}"#, ["a", "b", "c"]),
            (#" { "\u006dediaType" : null , "x\"y" : -1.5e+3 } "#, ["mediatype", "x\"y"]),
            (#"{"\ud83d\ude00":true}"#, ["😀"]),
        ] as [(String, Set<String>)])
    func keys(json: String, expected: Set<String>) throws {
        #expect(try StrictJSON.keys(of: Array(json.utf8)) == expected)
    }

    @Test(
        "A duplicate key in an object is rejected, however it is written",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":1}"#, #"{"Manifests":1,"manifests":1}"#, #"{"x":[{"b":1,"b":2}]}"#,
        ])
    func duplicates(json: String) {
        #expect { try StrictJSON.keys(of: Array(json.utf8)) } throws: { error in
            if case StrictJSON.ParseError.duplicateKey = error { true } else { false }
        }
    }

    @Test("A key in two objects, or in another case below the top level, is not a duplicate")
    func noDuplicates() throws {
        #expect(try StrictJSON.keys(of: Array(#"{"x":[{"b":1},{"b":2,"B":3}]}"#.utf8)) == ["x"])
    }

    @Test("64 levels of nesting are accepted, and 65 are not", arguments: [("[", "]"), (#"{"a":"#, "}")])
    func depth(open: String, close: String) throws {
        func nested(_ levels: Int) -> [UInt8] {
            let inside = String(repeating: open, count: levels - 1) + "1" + String(repeating: close, count: levels - 1)
            return Array("{\"top\":\(inside)}".utf8)
        }
        #expect(try StrictJSON.keys(of: nested(64)) == ["top"])
        #expect(throws: StrictJSON.ParseError.tooDeep) { try StrictJSON.keys(of: nested(65)) }
        // A deeply nested document is rejected before its end.
        #expect(throws: StrictJSON.ParseError.tooDeep) {
            try StrictJSON.keys(of: Array(String(repeating: open, count: 500_000).utf8))
        }
    }

    @Test(
        "A document other than an object is rejected",
        arguments: [
            "", " ", "[]", "1", "\"a\"", "{", "}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{\"a\":1]", "[1}",
            "{}{}",
            "{\"a\":1 2}", "{\"a\" 1}", "{\"a\":\"\n\"}", "{\"\\x\":1}", "{\"\\ud800\":1}", "{\"\\u12\":1}",
            "\u{FEFF}{}",
            "{\"a", "{,}", "{\"a\":1,,\"b\":2}",
        ])
    func malformed(json: String) {
        #expect(throws: StrictJSON.ParseError.malformed) { try StrictJSON.keys(of: Array(json.utf8)) }
    }

    @Test("Encodings other than UTF-8 are rejected")
    func encodings() {
        #expect(throws: StrictJSON.ParseError.malformed) {
            try StrictJSON.keys(of: Array("{\"a\":1}".utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }))
        }
        #expect(throws: StrictJSON.ParseError.malformed) {
            try StrictJSON.keys(of: Array("{\"".utf8) + [0xFF] + Array("\":1}".utf8))
        }
    }
}

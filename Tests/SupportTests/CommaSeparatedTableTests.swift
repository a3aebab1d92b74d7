import Testing

@testable import CollectorSupport

@Suite("Comma-separated values")
struct CommaSeparatedTableTests {
    private func line(_ cells: [CommaSeparatedTable.Cell]) -> String {
        var table = CommaSeparatedTable(["a"])
        table.add(cells)
        return String(table.render().unicodeScalars.dropFirst(3))
    }

    @Test(
        "Quoted where RFC 4180 wants it, and nowhere else",
        arguments: [
            ("plain", "plain"), ("two words", "two words"), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("\"", "\"\"\"\""), ("", ""), ("a;b", "\"a;b\""), ("ü, ß", "\"ü, ß\""),
        ])
    func quoting(text: String, cell: String) {
        #expect(line([.plain(text), .foreign(text)]) == "\(cell),\(cell)\r\n")
    }

    @Test("Every line ends in CRLF, including the last, and line breaks in cells are removed")
    func lines() {
        var table = CommaSeparatedTable(["x", "y"])
        table.add([.foreign("a\r\nb"), .number(1)])
        table.add([.plain("a\nb"), .number(nil as Int?)])
        #expect(table.render() == "x,y\r\na b,1\r\n\"a\nb\",\r\n")
    }

    @Test(
        "What came from outside runs as no formula",
        arguments: [
            ("=1+2", "'=1+2"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("＝1", "'＝1"), ("＠x", "'＠x"),
            (" =1", "'=1"), ("\t=1", "'=1"), ("\u{200B}=1", "\\u{200b}=1"), ("a=1", "a=1"),
            // OWASP/www-community#443: where lines are split at semicolons, the second half is a cell of its own.
            ("=1+1;=1+2", "\"'=1+1;'=1+2\""), ("a; =1", "\"a; '=1\""), ("a;\"=1", "\"a;\"\"'=1\""), ("a|-1", "a|'-1"),
            ("a;b=1", "\"a;b=1\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
        ])
    func formulas(text: String, cell: String) {
        #expect(line([.foreign(text)]) == cell + "\r\n")
    }

    @Test("Our own numbers stay numbers, including negative ones")
    func numbers() {
        #expect(line([.number(-86_400.5), .number(0)]) == "-86400.5,0\r\n")
    }
}

import Testing

@testable import CollectorSupport

@Suite("Text tables")
struct TextTableTests {
    private static func table() -> TextTable {
        var table = TextTable(["HOST", "STATUS", "SERVES", "AFTER", "WHAT TO KNOW"])
        table.add(["canvas-01", "converged", "3f2a90be11d2", "2.1s", "serves the target"])
        table.add([
            "canvas-03", "straggler", "91c07be2aa04", "-",
            "pulled, not recreated: run docker compose up -d canvas (serves 91c07be2aa04)",
        ])
        table.add(["主机-北京-01", "pending", "-", "-", "never pulled"])
        table.add(["a-very-long-host-name.eu-west-1.compute.internal.example.com", "pending", "-", "-", "never pulled"])
        return table
    }

    @Test("On a terminal no line is wider than it, and no text is lost", arguments: [20, 33, 40, 60, 80, 120, 200])
    func fits(_ columns: Int) {
        for isASCII in [false, true] {
            let lines = Self.table().rowLines(TextLayout(columns: columns, isASCII: isASCII), maximumWidth: 40)
            for line in lines.flatMap(\.self) {
                #expect(line.displayWidth <= columns, "\(line)")
                #expect(!line.isEmpty && !line.hasSuffix(" "))
            }
            let straggler = lines[2].joined(separator: " ").split(separator: " ")
            for word in ["canvas-03", "straggler", "recreated:", "docker", "compose", "up", "-d", "91c07be2aa04)"] {
                #expect(straggler.contains { $0 == word }, "\(word) is broken in \(lines[2])")
            }
            let long = lines[4].joined().filter { $0 != " " }
            #expect(long.contains("a-very-long-host-name.eu-west-1.compute.internal.example.com"))
        }
    }

    @Test("The last column wraps at words below its own beginning")
    func hangingIndent() {
        var table = TextTable(["HOST", "WHAT TO KNOW"])
        table.add(["canvas-01", "one two three four five six seven eight"])
        #expect(
            table.render(TextLayout(columns: 40)) == """
                HOST       WHAT TO KNOW
                canvas-01  one two three four five six
                           seven eight

                """)
    }

    @Test("Columns that do not fit continue below the row")
    func folded() {
        var table = TextTable(["PLATFORM", "MANIFEST", "CONFIG"])
        table.add(["linux/amd64", "sha256:0123456789abcdef", "sha256:fedcba9876543210"])
        #expect(
            table.render(TextLayout(columns: 40)) == """
                PLATFORM     MANIFEST
                    CONFIG
                linux/amd64  sha256:0123456789abcdef
                    sha256:fedcba9876543210

                """)
    }

    @Test("What a table can do without is shortened or left out, only as far as the terminal needs")
    func narrowed() {
        func table(wrapsLast: Bool) -> TextTable {
            var table = TextTable(
                ["ID", "BUILD", "P50", "REASON"],
                narrowings: [.shorten("BUILD"), .leaveOut("P50"), .leaveOut("absent"), .leaveOut("ID")],
                wrapsLast: wrapsLast)
            table.add(
                ["1234567890", "0123456789abcdef", "1.5s", "it serves what was promoted, and did so before"],
                short: ["BUILD": "01234567"])
            return table
        }
        func heading(_ columns: Int?, wrapsLast: Bool = true) -> String {
            let rows = table(wrapsLast: wrapsLast).rowLines(TextLayout(columns: columns))
            return rows[0].joined(separator: "\n")
        }
        // 10 + 16 + 4 columns and three gaps, and 46 of the last column.
        #expect(heading(nil) == "ID          BUILD             P50   REASON")
        #expect(heading(82, wrapsLast: false) == "ID          BUILD             P50   REASON")
        #expect(heading(81, wrapsLast: false) == "ID          BUILD     P50   REASON")
        #expect(heading(73, wrapsLast: false) == "ID          BUILD     REASON")
        #expect(heading(60, wrapsLast: false) == "BUILD     REASON")
        // Prose needs only a part of its width, in several lines.
        #expect(heading(60) == "ID          BUILD             P50   REASON")
        #expect(heading(59) == "ID          BUILD     P50   REASON")
        let lines = table(wrapsLast: false).rowLines(TextLayout(columns: 81))[1]
        #expect(lines == ["1234567890  01234567  1.5s  it serves what was promoted, and did so before"])
    }

    @Test(
        "A line never ends between a number and its unit",
        arguments: ["95 % within", "17 s ago,", "36 ms)", "(3 %),", "5 min later"])
    func units(_ text: String) {
        for columns in 10...30 {
            for line in "it was promoted \(text) by ada".wrapped(toColumns: columns) {
                #expect(line.last?.isWholeNumber != true, "\(line)")
                #expect(line.displayWidth <= columns)
            }
        }
        // Other words part.
        #expect("in 5 hosts".wrapped(toColumns: 5) == ["in 5", "hosts"])
    }

    @Test("In a file each row is one line, however long")
    func file() {
        let lines = Self.table().rowLines(.file, maximumWidth: 40)
        #expect(lines.allSatisfy { $0.count == 1 })
        #expect(
            lines[2] == [
                "canvas-03                                 straggler  91c07be2aa04  -      pulled, not recreated: run docker "
                    + "compose up -d canvas (serves 91c07be2aa04)"
            ])
        #expect(lines[4][0].hasPrefix("a-very-long-host-name.eu-west-1.compute.internal.example.com  pending"))
    }

    @Test(
        "Columns are counted as a terminal shows them",
        arguments: [
            ("abc", 3), ("北京", 4), ("ｆｕｌｌ", 8), ("e\u{301}", 1), ("é", 1), ("🚀", 2), ("שלום", 4), ("한글", 4), ("🇩🇪", 2),
            ("\u{1B}[31mred\u{1B}[0m", 3), ("…·█▒✓", 5), ("กำ", 2), ("", 0),
        ])
    func width(_ text: String, _ columns: Int) {
        #expect(text.displayWidth == columns)
    }

    @Test("Columns stay aligned beside wide and combining characters")
    func aligned() {
        var table = TextTable(["HOST", "STATUS"])
        for name in ["北京-1", "cafe\u{301}", "🚀", "abcdef"] { table.add([name, "x"]) }
        for line in table.lines(TextLayout(columns: 80)).dropFirst() { #expect(line.displayWidth == 9, "\(line)") }
    }

    @Test("A long line is cut between characters, and its colour ends")
    func clipped() {
        #expect("abcdef".clipped(toColumns: 7) == "abcdef")
        #expect("abcdefg".clipped(toColumns: 7) == "abcde…")
        #expect("北京北京".clipped(toColumns: 7) == "北京…")
        #expect("e\u{301}e\u{301}e\u{301}e\u{301}".clipped(toColumns: 4) == "e\u{301}e\u{301}…")
        #expect("\u{1B}[31mabcdefg\u{1B}[0m".clipped(toColumns: 5) == "\u{1B}[31mabc…\u{1B}[0m")
        for columns in 1...12 {
            #expect("abcdefg北京".clipped(toColumns: columns, ellipsis: "...").displayWidth <= max(1, columns - 1))
        }
    }

    @Test("ASCII has a substitute for every symbol of the program, and keeps foreign text recognisable")
    func ascii() {
        #expect("✓ a … b · █▒ – ’".ascii == "+ a ... b . #+ - '")
        #expect("北".ascii == "\\u{5317}")
        #expect("plain".ascii == "plain")
    }
}

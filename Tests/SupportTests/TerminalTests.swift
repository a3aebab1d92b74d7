import Foundation
import Glibc
import Support
import Testing

@testable import CollectorSupport

@Suite("Terminal")
struct TerminalTests {
    @Test(
        "Text is ASCII in a locale without UTF-8",
        arguments: [
            ([:], true), (["LANG": "C"], true), (["LANG": "POSIX"], true), (["LANG": ""], true),
            (["LANG": "C.UTF-8"], false),
            (["LANG": "C.utf8"], false), (["LANG": "en_US.UTF-8"], false), (["LANG": "de_DE.ISO-8859-1"], true),
            (["LANG": "en_US.UTF-8", "LC_ALL": "C"], true), (["LANG": "C", "LC_CTYPE": "C.UTF-8"], false),
            (["LANG": "C", "LC_CTYPE": "", "LC_ALL": "en_GB.UTF-8"], false),
            (["LC_ALL": "", "LANG": "en_US.UTF-8"], false), (["LC_ALL": "POSIX", "LC_CTYPE": "C.UTF-8"], true),
        ])
    func encoding(_ environment: [String: String], _ isASCII: Bool) throws {
        let screen = try PseudoTerminal()
        let terminal = Terminal(descriptor: screen.slave, environment: environment)
        #expect(terminal.layout.isASCII == isASCII)
        terminal.write("1 … 2")
        #expect(screen.read() == (isASCII ? "1 ... 2" : "1 … 2"))
    }

    @Test("Files and pipes get UTF-8 and whole rows in any locale")
    func file() throws {
        let folder = try TemporaryFolder()
        let file = open(try folder.write("out", ""), O_RDWR)
        defer { close(file) }
        let terminal = Terminal(descriptor: file, environment: ["LANG": "C", "COLUMNS": "40"])
        #expect(terminal.layout == .file)
        terminal.write("1 … 2")
        #expect(try folder.read("out") == "1 … 2")
    }

    @Test(
        "Colour follows no-color.org and bixense.com/clicolors",
        arguments: [
            ([:], true, false), (["NO_COLOR": "1"], false, false), (["NO_COLOR": ""], true, false),
            (["CLICOLOR": "0"], false, false), (["CLICOLOR": "1"], true, false), (["CLICOLOR_FORCE": "1"], true, true),
            (["CLICOLOR_FORCE": "0"], true, false), (["CLICOLOR_FORCE": ""], true, false),
            (["CLICOLOR_FORCE": "1", "CLICOLOR": "0"], true, true),
            (["CLICOLOR_FORCE": "1", "NO_COLOR": "1"], false, false),
            (["FORCE_COLOR": "1"], true, true), (["FORCE_COLOR": "0"], true, false), (["TERM": "dumb"], false, false),
            (["TERM": ""], false, false), (["TERM": "dumb", "CLICOLOR_FORCE": "1"], true, true),
        ])
    func color(_ variables: [String: String], _ onTerminal: Bool, _ elsewhere: Bool) throws {
        let environment = ["TERM": "xterm"].merging(variables) { $1 }
        let screen = try PseudoTerminal()
        #expect(Terminal(descriptor: screen.slave).usesColor(environment: environment) == onTerminal)
        #expect(Terminal(descriptor: -1).usesColor(environment: environment) == elsewhere)
    }

    @Test("COLUMNS sets the width of tables, and narrows a redrawn display, which must fit the screen")
    func columns() throws {
        let screen = try PseudoTerminal(columns: 100, rows: 30)
        func terminal(_ columns: String?) -> Terminal {
            Terminal(descriptor: screen.slave, environment: columns.map { ["COLUMNS": $0] } ?? [:])
        }
        #expect(terminal(nil).layout.columns == 100)
        for ignored in ["", "0", "-5", "wide"] { #expect(terminal(ignored).layout.columns == 100) }
        #expect(terminal("60").layout.columns == 60)
        #expect(terminal("60").size == (60, 30))
        #expect(terminal("200").layout.columns == 200)
        #expect(terminal("200").size == (100, 30))
        screen.resize(columns: 0, rows: 0)
        #expect(terminal(nil).layout.columns == 80)
        #expect(terminal(nil).size == (80, 24))
        #expect(terminal("60").layout.columns == 60)
    }
}

/// One after the other, because a process has one cursor.
@Suite("Redrawn lines", .serialized)
struct RedrawnLinesTests {
    /// A display on a terminal, and the screen of that terminal.
    private final class Stage {
        let end: PseudoTerminal
        let terminal: Terminal
        var display: RedrawnLines
        private var shown: TerminalScreen

        init(columns: Int = 80, rows: Int = 24) throws {
            end = try PseudoTerminal(columns: columns, rows: rows)
            terminal = Terminal(descriptor: end.slave)
            display = RedrawnLines(on: terminal)
            shown = TerminalScreen(columns: columns, rows: rows)
        }

        deinit { display.erase() }

        func resize(columns: Int, rows: Int) {
            _ = screen
            end.resize(columns: columns, rows: rows)
            shown.resize(columns: columns, rows: rows)
        }

        var screen: TerminalScreen {
            shown.show(end.read())
            return shown
        }
    }

    private static func frame(_ number: Int) -> [String] {
        ["frame \(number) " + String(repeating: "x", count: 60), "", "last \(number)"]
    }

    @Test(
        "No line of an earlier frame is left when the terminal changes its width",
        arguments: [[30], [30, 120], [200, 20, 80], [79, 78, 77, 40, 39], [7]])
    func resized(_ widths: [Int]) throws {
        let stage = try Stage()
        stage.terminal.write("$ verify\n")
        stage.display.draw(Self.frame(0))
        for (number, width) in widths.enumerated() {
            stage.resize(columns: width, rows: 24)
            stage.display.draw(Self.frame(number + 1))
            let text = stage.screen.text
            #expect(text.first == String("$ verify".prefix(width)))
            #expect(text.count { $0.contains("frame") || $0.contains("xx") || $0.hasPrefix("last") } == 2, "\(text)")
            #expect(text.allSatisfy { $0.count < max(width, 9) })
        }
        stage.display.erase()
        #expect(stage.screen.text.joined() == "$ verify")
        #expect(stage.screen.isCursorVisible)
    }

    @Test("A frame is never higher or wider than the screen", arguments: [(20, 5), (1, 1), (40, 2), (20, 1)])
    func small(_ columns: Int, _ rows: Int) throws {
        let stage = try Stage(columns: columns, rows: rows)
        for _ in 1...3 { stage.display.draw((1...50).map { "line \($0) " + String(repeating: "x", count: 60) }) }
        guard rows > 1 else { return }
        #expect(stage.screen.text.count == rows - 1, "\(stage.screen.text)")
        #expect(stage.screen.text.allSatisfy { $0.count < columns })
    }

    @Test("On a lower terminal the frame is redrawn without its last lines")
    func lower() throws {
        let stage = try Stage()
        stage.display.draw((1...10).map { "a\($0)" })
        stage.resize(columns: 80, rows: 6)
        stage.display.draw((1...10).map { "b\($0)" })
        let text = stage.screen.text
        #expect(text.suffix(5) == ["b1", "b2", "b3", "b4", "b5"], "\(text)")
        stage.display.erase()
        #expect(!stage.screen.text.contains { $0.hasPrefix("b") })
    }

    @Test("Other output takes the place of the frame, and the next frame begins below it")
    func otherOutput() throws {
        let stage = try Stage()
        stage.display.draw(["a", "b"])
        #expect(!stage.screen.isCursorVisible)
        stage.terminal.write("warning: x\n")
        #expect(stage.screen.text == ["warning: x"])
        #expect(stage.screen.isCursorVisible)
        stage.display.draw(["c", "d"])
        #expect(stage.screen.text == ["warning: x", "c", "d"])
        stage.display.keep()
        #expect(stage.screen.isCursorVisible)
        stage.terminal.write("after\n")
        #expect(stage.screen.text == ["warning: x", "c", "d", "after"])
    }

    @Test("In a locale without UTF-8 a frame is ASCII and still fits")
    func ascii() throws {
        let end = try PseudoTerminal(columns: 20, rows: 5)
        var display = RedrawnLines(on: Terminal(descriptor: end.slave, environment: ["LANG": "C"]))
        display.draw(["  ███▒▒▒···  3/9 and more", "· 北京"])
        display.erase()
        var screen = TerminalScreen(columns: 20, rows: 5)
        let written = end.read()
        #expect(written.utf8.allSatisfy { $0 < 0x80 })
        screen.show(written.components(separatedBy: "\u{1B}[J")[0])
        #expect(screen.text == ["  ###+++...  3/9...", ". \\u{5317}\\u{4eac}"])
    }
}

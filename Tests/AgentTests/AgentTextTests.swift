import Shared
import Testing

@testable import Agent
@testable import AgentCore

@Suite("Log lines, metrics text, memory") struct AgentTextTests {
    @Test("A log line is one line in both formats, whatever its values")
    func logLine() {
        let line = LogLine(
            time: "T", level: "info", message: "a\nb", fields: ["k": "x\"y\\ z", "a": "1", "time": "\u{202E}", "e": ""])
        #expect(
            line.formatted(.text) == #"T info a b a=1 e="" k="x\"y\\ z" time=\\u{202e}"#.replacing("\\\\u", with: "\\u")
        )
        #expect(
            line.formatted(.json)
                == #"{"time":"T","level":"info","message":"a b","a":"1","e":"","k":"x\"y\\ z","_time":"\\u{202e}"}"#)
    }

    @Test("Seconds are shown in milliseconds, rounded up, never negative")
    func seconds() {
        #expect(DocumentBody.seconds(.zero) == "0.000")
        #expect(DocumentBody.seconds(.microseconds(1)) == "0.001")
        #expect(DocumentBody.seconds(.milliseconds(12_034)) == "12.034")
        #expect(DocumentBody.seconds(.seconds(-5)) == "0.000")
        #expect(DocumentBody.seconds(.milliseconds(999) + .microseconds(1)) == "1.000")
    }

    @Test("Label values cannot start another line of the metrics")
    func metricsEscapes() {
        #expect(MetricsPage.escaped("a\\b\"c\nd") == "a\\\\b\\\"c\\nd")
    }

    @Test("Only unchanged read-only mappings of files are released")
    func mappings() {
        let smaps = """
            1000-3000 r-xp 00000000 fe:00 1 /usr/bin/agent
            Rss: 8 kB
            Anonymous:             0 kB
            VmFlags: rd ex mr
            3000-4000 r--p 00002000 fe:00 1 /usr/bin/agent
            Anonymous:             4 kB
            4000-5000 rw-p 00003000 fe:00 1 /usr/bin/agent
            Anonymous:             0 kB
            5000-6000 r--p 00000000 00:00 0
            Anonymous:             0 kB
            7000-8000 r-xp 00000000 00:00 0 [vdso]
            Anonymous:             0 kB
            9000-a000 r--s 00000000 fe:00 1 /usr/share/x
            Anonymous:             0 kB
            b000-c000 r--p 00000000 fe:00 1 /usr/lib/a name.so
            Anonymous:             0 kB
            """
        #expect(StartupPages.unchangedMappings(smaps) == [0x1000..<0x3000, 0xb000..<0xc000])
    }

    @Test("The running process survives the release of its pages")
    func release() {
        #expect(StartupPages.release() > 0)
        #expect(RFC3339.text(unixMilliseconds: 0).hasPrefix("1970"))
    }
}

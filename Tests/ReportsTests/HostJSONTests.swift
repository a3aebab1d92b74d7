import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import CollectorSupport
@testable import Reports
@testable import Verdict

struct HostJSONTests {
    /// The encoding that the writer of hosts has to equal, byte by byte.
    private struct Reference: Encodable {
        let report: Report

        private enum CodingKeys: String, CodingKey { case headline }

        func encode(to encoder: any Encoder) throws {
            try report.encode(to: encoder)
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(report.headline, forKey: .headline)
        }
    }

    private static func expectSame(_ report: Report) throws {
        let written = String(decoding: try ReportFormat.json.render(report), as: UTF8.self)
        #expect(written == (try JSONEncoder.prettyText(Reference(report: report))))
    }

    @Test(
        "Hosts are written as Foundation's encoder writes them, in every kind of report", arguments: HTMLSample.allCases
    )
    func samples(_ sample: HTMLSample) throws { try Self.expectSame(try sample.report()) }

    @Test(
        "Every member of a host, present or not, with text and numbers of every kind, is written as Foundation writes it"
    )
    func members() throws {
        var report = HTMLSample.fleet(40, unhappy: 20)
        let texts = Hostile.texts + ["", "\u{0}\u{1f}\u{7f}\u{2028}\"\\/\u{8}\t\n\u{c}\r", "é 👩‍👩‍👧 <script>"]
        let numbers = [0, -0.5, 1, 0.001, 61.205, 1e-7, 123_456_789.125, 1e15, 1e16, 1.5e300, -3]
        for index in report.hosts.indices {
            func text(_ offset: Int) -> String { texts[(index * 7 + offset) % texts.count] }
            func isOn(_ bit: Int) -> Bool { index & (1 << bit) != 0 }
            var host = report.hosts[index]
            host.name = text(0)
            host.url = text(1)
            host.reason = text(2)
            host.labels =
                isOn(0) ? [:] : ["b": text(3), "B": "", "a10": "x", "a2": text(4), "é": "", "Z": text(5), "": "y"]
            host.attempts = isOn(1) ? .max : index
            host.secondsToConverge = numbers[index % numbers.count]
            host.clockOffsetSeconds = isOn(2) ? numbers[(index + 3) % numbers.count] : nil
            host.lastAnswerAgeSeconds = isOn(3) ? nil : numbers[(index + 5) % numbers.count]
            host.warnings = isOn(1) ? nil : isOn(2) ? [] : [text(6), text(7)]
            host.project = isOn(2) ? text(8) : nil
            host.instancesExpected = isOn(3) ? 3 : nil
            host.sweep = isOn(4) ? .allCases[index % SweepStatus.allCases.count] : nil
            host.runningSince = isOn(0) ? text(9) : nil
            host.reasonCode = isOn(1) ? .crashLoop : nil
            host.leftOut =
                isOn(2)
                ? nil
                : isOn(3)
                    ? []
                    : [
                        .init(name: text(10), project: nil, reason: .oneOff, state: .exited),
                        .init(name: text(11), project: text(12), reason: .replaced, state: .serving),
                    ]
            host.waived =
                isOn(4) ? .init(until: text(13), reason: text(14), by: isOn(0) ? text(15) : nil, expired: isOn(1)) : nil
            if isOn(0) {
                var parts = ReasonText(text(16), remedy: isOn(1) ? text(17) : nil, note: isOn(2) ? text(18) : nil)
                (parts.served, parts.summary, parts.command) = (
                    isOn(3) ? text(19) : nil, isOn(4) ? text(20) : nil, isOn(2) ? text(21) : nil
                )
                host.reasonParts = parts
            }
            if isOn(4) { host.transitions = [] }
            for change in host.transitions.indices {
                host.transitions[change].seconds = numbers[(index + change) % numbers.count]
                if isOn(3) { host.transitions[change].reasonCode = .soaking }
            }
            report.hosts[index] = host
        }
        try Self.expectSame(report)
        report.hosts = []
        try Self.expectSame(report)
    }

    @Test("A report that fills many pieces of a file has every host once")
    func pieces() throws {
        let report = HTMLSample.fleet(3_000, unhappy: 300)
        let bytes = try ReportFormat.json.render(report)
        #expect(bytes.count > 2_000_000)
        #expect(try JSONDecoder().decode(Report.self, from: Data(bytes)) == report)
    }
}

import CollectorSupport
import FoundationEssentials

/// A report's JSON: its own fields and its headline.
///
/// Foundation's encoder writes everything but the hosts, which are written one by one: it would build a tree of all of them
/// first. Both write the same bytes; see ``HostJSON``.
struct JSONReport {
    let report: Report

    func write(to stream: inout ByteStream) throws {
        let frame = try JSONEncoder.prettyText(Frame(report))
        // No text contains a newline, so this is the report's own key. The list is empty: a newline and a blank line.
        guard !report.hosts.isEmpty, let list = frame.utf8.firstRange(of: "\n  \"hosts\" : [\n\n  ]".utf8) else {
            return try stream.write(frame)
        }
        try stream.write { $0 += frame.utf8[..<list.lowerBound] }
        try stream.write("\n  \"hosts\" : [")
        var isFirst = true
        for index in report.hosts.indices {
            try stream.write { bytes in
                bytes += isFirst ? "\n".utf8 : ",\n".utf8
                HostJSON.append(report.hosts[index], to: &bytes)
            }
            isFirst = false
        }
        try stream.write("\n  ]")
        try stream.write { $0 += frame.utf8[list.upperBound...] }
    }

    /// The report without its hosts.
    private struct Frame: Encodable {
        private var report: Report
        private let headline: Headline

        init(_ report: Report) {
            headline = report.headline
            self.report = report
            self.report.hosts = []
        }

        private enum CodingKeys: String, CodingKey { case headline }

        func encode(to encoder: any Encoder) throws {
            try report.encode(to: encoder)
            var fields = encoder.container(keyedBy: CodingKeys.self)
            try fields.encode(headline, forKey: .headline)
        }
    }
}

import CollectorSupport
import FoundationEssentials

/// A report's JSON: its own fields and its headline.
///
/// Foundation's encoder writes everything but the hosts, which are written one by one: it would build a tree of all of them
/// first. Both write the same bytes; see ``HostJSON``.
struct JSONReport {
    let report: Report

    func write(to stream: inout ByteStream) throws {
        let frame = Array(try JSONEncoder.prettyText(Frame(report)).utf8)
        guard !report.hosts.isEmpty, let list = Self.emptyList(in: frame) else {
            return try stream.write { $0 += frame }
        }
        try stream.write { $0 += frame[..<list.lowerBound] }
        try stream.write("\n  \"hosts\" : [")
        // In place: an array's element is copied.
        try report.hosts.withUnsafeBufferPointer { hosts in
            for index in hosts.indices {
                try stream.write { bytes in
                    bytes += index == 0 ? "\n".utf8 : ",\n".utf8
                    HostJSON.append(hosts[index], to: &bytes)
                }
            }
        }
        try stream.write("\n  ]")
        try stream.write { $0 += frame[list.upperBound...] }
    }

    /// The place of the empty list of hosts. No text contains a newline, so it is the report's own.
    ///
    /// The search begins at the end: the actions stand before the list, and can have as many names as there are hosts.
    private static func emptyList(in frame: [UInt8]) -> Range<Int>? {
        // As Foundation writes an empty list: a newline and a blank line.
        let list = Array("\n  \"hosts\" : [\n\n  ]".utf8)
        for start in frame.indices.dropLast(list.count - 1).reversed()
        where frame[start] == list[0] && frame[start...].starts(with: list) {
            return start..<start + list.count
        }
        return nil
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

package import CollectorSupport

/// The formats of a report.
package enum ReportFormat: String, CaseIterable, Sendable {
    case json, text, html, markdown, junit

    /// The report in this format, ending in a newline.
    ///
    /// - Parameter layout: the form of a table as text.
    package func render(_ report: Report, layout: TextLayout = .file) throws -> [UInt8] {
        try ByteStream.collect { try write(report, layout: layout, to: &$0) }
    }

    /// Writes the report in this format, ending in a newline, without holding all of it in memory where it is large.
    func write(_ report: Report, layout: TextLayout = .file, to stream: inout ByteStream) throws {
        switch self {
        case .json: try JSONReport(report: report).write(to: &stream)
        case .text:
            try stream.write(
                TextReport(report: report, maximumConverged: .max, maximumOthers: .max, layout: layout).render())
        case .html: try stream.write(HTMLReport(report: report).render())
        case .markdown: try stream.write(MarkdownReport(report: report).render())
        case .junit: try JUnitReport(report: report).write(to: &stream)
        }
    }
}

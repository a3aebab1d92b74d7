import CollectorSupport
import FoundationEssentials

/// The formats of a report.
package enum ReportFormat: String, CaseIterable, Sendable {
    case json, text, html, markdown, junit

    /// The report in this format, ending in a newline.
    ///
    /// - Parameter layout: the form of a table as text.
    func render(_ report: Report, layout: TextLayout = .file) throws -> [UInt8] {
        switch self {
        case .json: try Array(JSONEncoder.prettyText(JSONReport(report: report)).utf8)
        case .text:
            Array(TextReport(report: report, maximumConverged: .max, maximumOthers: .max, layout: layout).render().utf8)
        case .html: Array(HTMLReport(report: report).render().utf8)
        case .markdown: Array(MarkdownReport(report: report).render().utf8)
        case .junit: Array(JUnitReport(report: report).render().utf8)
        }
    }
}

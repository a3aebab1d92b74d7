import CollectorSupport
import FoundationEssentials

/// The formats of a report.
package enum ReportFormat: String, CaseIterable, Sendable {
    case json, text, html, markdown, junit

    /// The report in this format, ending in a newline.
    func render(_ report: Report) throws -> [UInt8] {
        switch self {
        case .json: try Array(JSONEncoder.prettyText(JSONReport(report: report)).utf8)
        case .text: Array(TextReport(report: report, maximumConverged: .max, maximumOthers: .max).render().utf8)
        case .html: Array(HTMLReport(report: report).render().utf8)
        case .markdown: Array(MarkdownReport(report: report).render().utf8)
        case .junit: Array(JUnitReport(report: report).render().utf8)
        }
    }
}

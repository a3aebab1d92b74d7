import Shared

/// The report for a pipeline's step summary.
struct MarkdownReport {
    let report: Report

    func render() -> String {
        TextReport(report: report, maximumConverged: .max, maximumOthers: .max).render()
    }
}

import Shared

/// The report as one page that needs no network.
struct HTMLReport {
    let report: Report

    func render() -> String {
        TextReport(report: report, maximumConverged: .max, maximumOthers: .max).render()
    }
}

import Shared

/// The report as a test suite, a test case a host.
struct JUnitReport {
    let report: Report

    func render() -> String {
        TextReport(report: report, maximumConverged: .max, maximumOthers: .max).render()
    }
}

import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

/// The report states the conclusion of the verification if the verdict alone would mislead.
@Suite("Guards of the report")
struct ReportGuardTests {
    private static func report(_ bench: Bench) throws -> (Report, Conclusion) {
        let conclusion = try #require(bench.verification.conclusion)
        return (try SampleFleet.report(bench), conclusion)
    }

    @Test(
        "The report has the exit code that the verification ends with: of the signal, or of a flag that makes it fine")
    func exitCode() throws {
        var terminated = Bench()
        terminated.poll(1...3, Answer())
        terminated.interrupt(signal: 15, at: 4)
        var superseded = Bench(policy: Policy(supersededOK: true))
        superseded.poll(1...3, .old)
        superseded.learn(.upToSuccessor, at: 4)
        for (bench, code) in [(terminated, Int32(143)), (superseded, 0)] {
            let (report, conclusion) = try Self.report(bench)
            #expect(conclusion.exitCode == code)
            #expect(report.exitCode == code)
            #expect(report.verdict == conclusion.verdict)
            let json = try JSONDecoder().decode(Report.self, from: Data(try ReportFormat.json.render(report)))
            #expect(json.exitCode == code)
            let text = String(decoding: try ReportFormat.text.render(report), as: UTF8.self)
            #expect(text.contains("\(conclusion.verdict.rawValue) (exit \(code))"), "\(text)")
        }
    }
}

import Shared
import Support
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

struct JUnitReportTests {
    @Test("The JUnit report matches its golden file and is valid")
    func golden() async throws {
        let xml = JUnitReport(report: try SampleFleet.report()).render()
        try Golden.expect(xml, "report.junit.xml")
        #expect(try await XMLValidator.junitDefects([xml]) == "")
    }

    @Test("Every host is one test case, and the counts are those of the elements")
    func counts() async throws {
        let report = try SampleFleet.report()
        let xml = JUnitReport(report: report).render()
        for (attribute, elements) in [("tests", "testcase"), ("failures", "failure"), ("errors", "error")] {
            let given = try await XMLValidator.value("string(/testsuites/testsuite/@\(attribute))", in: xml)
            #expect(try await XMLValidator.value("count(//\(elements))", in: xml) == given)
            #expect(try await XMLValidator.value("string(/testsuites/@\(attribute))", in: xml) == given)
        }
        let skipped = try await XMLValidator.value("string(//testsuite/@skipped)", in: xml)
        #expect(try await XMLValidator.value("count(//skipped)", in: xml) == skipped)
        let hosts = try await XMLValidator.value("count(//testcase[@classname='buildinfo.canvas'])", in: xml)
        #expect(hosts == "\(report.hosts.count)")
    }

    @Test("The failure of a host's test case has its status, reason, facts and transitions")
    func failure() async throws {
        let xml = JUnitReport(report: try SampleFleet.report()).render()
        func value(_ path: String) async throws -> String {
            try await XMLValidator.value("string(//testcase[@name='host-2']/\(path))", in: xml)
        }
        #expect(try await value("failure/@type") == "straggler")
        #expect(try await value("failure/@message").hasPrefix("leave it: serves"))
        let text = try await value("failure")
        for part in ["build: behind", "runtime: serving", "reach: ok", "after 1.0s: pending"] {
            #expect(text.contains(part), "\(text)")
        }
        let waived = try await XMLValidator.value("string(//testcase[@name='host-7']/skipped/@message)", in: xml)
        #expect(waived.hasPrefix("waived until 2031-01-01T00:00:00Z by ops, disk swap: unreachable"))
    }

    @Test("A hostile text is plain text in every field of a valid file")
    func hostile() async throws {
        let sample = try SampleFleet.report()
        let files = Hostile.texts.map { JUnitReport(report: Hostile.report($0, from: sample)).render() }
        #expect(try await XMLValidator.junitDefects(files) == "")
        for file in files { #expect(WorkflowRunner.commands(in: file).isEmpty) }
    }

    @Test("A hostile text reads the same as in every other format")
    func hostileNames() async throws {
        var report = try SampleFleet.report()
        let straggler = try #require(report.hosts.first { $0.status == .straggler })
        report.hosts = Hostile.texts.map { text in
            var host = straggler
            host.name = text
            host.reason = text
            return host
        }
        let xml = JUnitReport(report: report).render()
        let expected = Hostile.texts.map { Sanitizer.singleLine($0) }
        for path in [
            "//testcase[@classname='buildinfo.canvas']/@name",
            "//testcase[@classname='buildinfo.canvas']/failure/@message",
        ] {
            let found = try await XMLValidator.values(path, in: xml)
            #expect(found.count == expected.count)
            for (one, other) in zip(found, expected) { #expect(one == other) }
        }
    }

    private static let timesTable: [(Double, String)] = [
        (0, "0.000"), (1, "1.000"), (0.0004, "0.000"), (61.2049, "61.205"), (-3, "0.000"), (1e7, "10000000.000"),
    ]

    @Test("Times are seconds with three decimals, whatever their magnitude", arguments: timesTable)
    func times(_ seconds: Double, _ text: String) async throws {
        var report = try SampleFleet.report()
        report.verification.durationSeconds = seconds
        let xml = JUnitReport(report: report).render()
        #expect(try await XMLValidator.junitDefects([xml]) == "")
        #expect(try await XMLValidator.value("string(/testsuites/@time)", in: xml) == text)
        #expect(try await XMLValidator.value("string(//testsuite/@timestamp)", in: xml) == "2026-01-01T00:00:00")
    }
}

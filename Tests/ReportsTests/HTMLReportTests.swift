import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Reports
@testable import Verdict

struct HTMLReportTests {
    @Test(
        "The page matches its golden file for every kind of ending",
        arguments: [
            (HTMLSample.mixed, "report.html"), (.converged, "report-converged.html"),
            (.tolerated, "report-tolerated.html"), (.interrupted, "report-interrupted.html"),
            (.refused, "report-refused.html"), (.empty, "report-empty.html"),
        ])
    func golden(_ sample: HTMLSample, _ name: String) throws {
        try Golden.expect(HTMLReport(report: sample.report()).render(), name)
    }

    /// `BUILDINFO_HTML_SAMPLES=FOLDER` writes the pages there, for `Tests/Browser/check.py` and for people.
    @Test("Every page is balanced, quoted and escaped, and has every host exactly once", arguments: HTMLSample.allCases)
    func wellFormed(_ sample: HTMLSample) throws {
        let report = try sample.report()
        let html = HTMLReport(report: report).render()
        try HTMLSample.write(html, "\(sample.rawValue).html")
        let page = try HTMLPage(parsing: html)
        let rows = page.hostRows
        #expect(rows.count == report.hosts.count)
        #expect(Set(rows.map(\.id)).count == rows.count)
        #expect(
            Dictionary(rows.map { ($0.status, 1) }, uniquingKeysWith: +)
                == Dictionary(report.hosts.map { ($0.status.rawValue, 1) }, uniquingKeysWith: +))
        let title = try #require(page.all("title").first?.text)
        #expect(title.contains("\(report.verdict.rawValue) (exit \(report.exitCode))"))
        #expect(page.all("h1").count == 1)
    }

    @Test("A row shows everything that is known about its host")
    func row() throws {
        let report = try HTMLSample.mixed.report()
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        let rows = Dictionary(uniqueKeysWithValues: page.hostRows.map { ($0.id, $0) })
        for host in report.hosts where host.name.hasPrefix("host-") {
            let row = try #require(rows["host-\(host.name)"])
            #expect(row.cells[0].hasPrefix(host.name))
            for (key, value) in host.labels { #expect(row.cells[0].contains("\(key)=\(value)")) }
            #expect(row.cells[1] == host.status.rawValue)
            #expect(row.cells[3].hasPrefix(host.reason))
            #expect(row.cells[3].contains(host.url))
            for transition in host.transitions {
                #expect(row.cells[3].contains("\(transition.status.rawValue): \(transition.reason)"))
            }
            if let waived = host.waived {
                #expect(row.cells[3].contains("waived until \(waived.until) by \(waived.by ?? ""): \(waived.reason)"))
            }
            #expect(row.cells[4].hasSuffix("sha256:555555555555") == (host.facts.build == .digestWrong))
            #expect(row.cells[4].hasPrefix(host.gitSHA?.short ?? ""))
            #expect(row.cells[5] == host.secondsToConverge.map(ReportText.duration) ?? "")
            #expect(row.cells[6] == "\(host.attempts)")
            #expect(row.cells[7] == host.lastAnswerAgeSeconds.map(ReportText.duration) ?? "")
        }
    }

    @Test("Hosts that are not converged come first, worst first; then waived hosts, then converged hosts")
    func order() throws {
        let page = try HTMLPage(parsing: HTMLReport(report: HTMLSample.mixed.report()).render())
        #expect(
            page.hostRows.map { $0.id.hasPrefix("row-") ? "hostile" : $0.id } == [
                "host-host-4", "host-host-5", "host-host-6", "hostile", "host-host-2", "host-host-3", "host-host-7",
                "host-host-0", "host-host-1",
            ])
    }

    @Test("An expired waiver is shown, and its host counts")
    func expiredWaiver() throws {
        let page = try HTMLPage(parsing: HTMLReport(report: HTMLSample.tolerated.report()).render())
        let row = try #require(page.hostRows.first { $0.id == "host-host-1" })
        #expect(row.cells[3].contains("waiver expired 2025-01-01T00:00:00Z, so the host counts: old rack"))
        #expect(!page.all("h3").contains { $0.text.hasPrefix("Waived") })
    }

    @Test("Only a proof is green, for every verdict and every exit code")
    func tones() {
        for verdict in Verdict.allCases {
            for exitCode: Int32 in [0, 1, verdict.exitCode, 143] {
                let words = VerdictText(verdict: verdict, exitCode: exitCode)
                #expect((words.tone == .good) == (verdict == .converged && exitCode == 0))
                #expect((words.tone == .tolerated) == (verdict == .convergedTolerated && exitCode == 0))
                #expect((words.tone == .bad) == (exitCode != 0))
                #expect(
                    !words.advice.isEmpty && !words.advice.dropLast().contains(". "), "one sentence: \(words.advice)")
            }
        }
    }

    @Test("After a rollback the advice is not to roll back; only a proof says that the fleet has followed")
    func afterRollback() throws {
        let former = try LedgerFixtures.digest("a")
        for verdict in [Verdict.converged, .stragglers, nil] {
            let rollback = PromotionRecord.Rollback(message: "back", digest: former, verdict: verdict)
            let words = VerdictText(verdict: .failedDeploy, exitCode: 20, rollback: rollback)
            #expect(!words.advice.contains("roll the deploy back"))
            #expect(words.advice.contains("not proven") == (verdict != .converged))
        }
        let failed = VerdictText(verdict: .failedDeploy, exitCode: 20, rollback: .init(message: "nothing was before"))
        #expect(failed.advice == VerdictText(verdict: .failedDeploy, exitCode: 20).advice)
    }

    @Test("The page shows the whole policy by the names of its flags")
    func policy() throws {
        let report = try HTMLSample.converged.report()
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        let names = Set(page.all("dt").map(\.text))
        let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report.policy))
        let keys = try #require(object as? [String: Any]).keys
        #expect(keys.count >= 11)
        for key in keys {
            let flag = "--" + key.replacing("_seconds", with: "").replacing("_", with: "-")
            #expect(names.contains(flag), "\(key) of the policy is not on the page")
        }
    }

    @Test("The page shows target, inventory, run and evidence")
    func about() throws {
        let report = try HTMLSample.converged.report()
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        let about = try #require(page.element(id: "about")?.text)
        let facts: [String?] = [
            report.target.gitSHA?.hex, report.target.digest?.description, report.inventory.source,
            report.inventory.hash, report.verification.id, report.verification.collector.version,
            "2026-01-01 00:00:00 UTC", "sha256sum FILE must print " + String(repeating: "e", count: 64),
        ]
        for fact in facts { #expect(about.contains(try #require(fact))) }
        let without = try HTMLPage(parsing: HTMLReport(report: HTMLSample.mixed.report()).render())
        #expect(without.element(id: "about")?.text.contains("sha256sum") == false)
    }

    @Test("Every cause and every warning is shown with the verdict")
    func causes() throws {
        let report = try HTMLSample.mixed.report()
        let page = try HTMLPage(parsing: HTMLReport(report: report).render())
        let verdict = try #require(page.element(id: "verdict")?.text)
        #expect(report.reasons.count > 1)
        for reason in report.reasons { #expect(verdict.contains(reason.message)) }
        for warning in HTMLSample.fleet(5, unhappy: 1).warnings {
            #expect(HTMLReport(report: HTMLSample.fleet(5, unhappy: 1)).render().contains(warning))
        }
    }

    @Test("A remedy is shown once for all hosts that need it")
    func remedies() throws {
        var report = HTMLSample.fleet(90, unhappy: 45)
        report.verdict = .stragglers
        report.reasons = []
        let actions = Report.Action.all(of: report)
        let first = try #require(actions.first { $0.status == .straggler && $0.cause == "pulled, not recreated" })
        #expect(first.remedy == "run docker compose up -d canvas")
        #expect(first.hosts.count == 5)
        // Hosts that fail or went back come first.
        let ranks = actions.map(\.status.rank)
        let failing = actions.prefix { $0.status == .failed || $0.status == .rolledBack }.count
        #expect(
            failing > 1 && !actions.dropFirst(failing).contains { $0.status == .failed || $0.status == .rolledBack })
        #expect(ranks == ranks.prefix(failing).sorted() + ranks.dropFirst(failing).sorted())
        #expect(!actions.contains { $0.status == .converged })
    }

    @Test(
        "A recorded sentence divides at its last colon, and a last remark in parentheses is apart",
        arguments: [
            ("a: b: c (d: e", "a: b: c (d", "e", nil), ("a, b: c d (e)", "a, b", "c d", "e"), ("a:b", "a:b", nil, nil),
            ("a (b: c)", "a", nil, "b: c"), ("", "", nil, nil),
        ] as [(String, String, String?, String?)])
    func recorded(_ sentence: String, _ cause: String, _ remedy: String?, _ note: String?) {
        let text = ReasonText(recorded: sentence)
        #expect(text == ReasonText(cause, remedy: remedy, note: note))
        #expect(text.sentence == sentence)
    }
}

import Foundation
import Shared
import Testing

@testable import CollectorFixtures
@testable import Operations
@testable import Reports
@testable import Verdict

@Suite("Links to the pipeline")
struct PipelineOriginTests {
    private static let a = "\(GitSHA.of("a"))"
    private static let b = "\(GitSHA.of("b"))"

    private static let github = [
        "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "team/canvas", "GITHUB_RUN_ID": "8123",
        "GITHUB_RUN_NUMBER": "12", "GITHUB_SHA": a,
    ]

    private static func origin(
        _ environment: [String: String], former: GitSHA? = .of("b"), isBack: Bool = false
    ) -> ReportOrigin {
        PipelineOrigin(environment).origin(of: .of("a"), former: former, isBack: isBack, at: .distantPast)
    }

    @Test("GitHub's run, commit and comparison are linked")
    func gitHub() {
        let origin = Self.origin(Self.github)
        #expect(origin.run == "https://github.com/team/canvas/actions/runs/8123")
        #expect(origin.commit == "https://github.com/team/canvas/commit/\(Self.a)")
        #expect(origin.comparison == "https://github.com/team/canvas/compare/\(Self.b)...\(Self.a)")
        let back = Self.origin(Self.github, isBack: true)
        #expect(back.comparison == "https://github.com/team/canvas/compare/\(Self.a)...\(Self.b)")
        #expect(Self.origin(Self.github, former: nil).comparison == nil)
        #expect(Self.origin([:]).links.isEmpty)
    }

    @Test("A number that another forge would read as an unrelated run is not linked")
    func otherForges() {
        var environment = Self.github
        environment["GITHUB_SERVER_URL"] = "https://forge.example/"
        environment["GITEA_ACTIONS"] = "true"
        #expect(Self.origin(environment).run == "https://forge.example/team/canvas/actions")
        environment["FORGEJO_ACTIONS"] = "true"
        #expect(Self.origin(environment).run == "https://forge.example/team/canvas/actions/runs/12")
    }

    @Test("GitLab's job, and Woodpecker's and Drone's build, are linked")
    func gitLab() {
        let gitLab = [
            "CI_PROJECT_URL": "https://gitlab.example/team/canvas",
            "CI_JOB_URL": "https://gitlab.example/team/canvas/-/jobs/7",
            "CI_PIPELINE_URL": "https://gitlab.example/team/canvas/-/pipelines/3", "CI_COMMIT_SHA": Self.a,
        ]
        let origin = Self.origin(gitLab)
        #expect(origin.run == gitLab["CI_JOB_URL"])
        #expect(origin.commit == "https://gitlab.example/team/canvas/-/commit/\(Self.a)")
        #expect(origin.comparison == "https://gitlab.example/team/canvas/-/compare/\(Self.b)...\(Self.a)")
        let woodpecker = [
            "CI_REPO_URL": "https://forge.example/team/canvas",
            "CI_PIPELINE_URL": "https://ci.example/repos/1/pipeline/2",
            "CI_COMMIT_SHA": Self.a,
        ]
        #expect(
            Self.origin(woodpecker).links.map(\.url).prefix(2) == [
                "https://ci.example/repos/1/pipeline/2", "https://forge.example/team/canvas/commit/\(Self.a)",
            ])
        let drone = [
            "DRONE_REPO_LINK": "https://forge.example/team/canvas", "DRONE_BUILD_LINK": "https://ci.example/2",
        ]
        #expect(Self.origin(drone).run == "https://ci.example/2" && Self.origin(drone).commit == nil)
    }

    @Test("A pipeline of another repository links no commit")
    func deployRepository() {
        var environment = Self.github
        environment["GITHUB_SHA"] = "\(GitSHA.of("e"))"
        #expect(Self.origin(environment).commit == nil && Self.origin(environment).comparison == nil)
        #expect(Self.origin(environment).run != nil)
    }

    @Test(
        "An unsafe address is not linked",
        arguments: [
            "javascript:alert(1)", "https://user:secret@forge.example", "ftp://forge.example",
            "https://forge.example\n::error::x",
            "//forge.example", "https://", "",
        ])
    func unsafe(_ server: String) {
        var environment = Self.github
        environment["GITHUB_SERVER_URL"] = server
        #expect(Self.origin(environment).links.isEmpty)
        #expect(Self.origin(["CI_PROJECT_URL": server, "CI_JOB_URL": server, "CI_COMMIT_SHA": Self.a]).links.isEmpty)
    }

    @Test(
        "A repository that is not owner/name is not linked",
        arguments: ["team", "team/canvas/more", "../..", "team/", "team/canvas?x", "team/<b>", "team/canvas)"])
    func repository(_ name: String) {
        var environment = Self.github
        environment["GITHUB_REPOSITORY"] = name
        #expect(Self.origin(environment).links.isEmpty)
    }

    @Test(
        "A stored link is shown only if it is safe",
        arguments: Hostile.texts + ["javascript:alert(1)", "https://a/)x", "https://a/\"x"])
    func stored(_ text: String) throws {
        var report = try SampleFleet.report()
        let plain = report
        report.origin = ReportOrigin(run: text, commit: "https://\(text)", comparison: text)
        for url in report.origin?.links.map(\.url) ?? [] {
            #expect(url.utf8.allSatisfy { $0.isASCIIAlphanumeric || "-._~:/?#[]@!$&*+,;=%".utf8.contains($0) })
            #expect(url.hasPrefix("http"))
        }
        if report.origin?.links.isEmpty == true {
            #expect(MarkdownReport(report: report).render() == MarkdownReport(report: plain).render())
            #expect(HTMLReport(report: report).render() == HTMLReport(report: plain).render())
        }
    }

    @Test(
        "A time is given in UTC and, where it differs, in the collector's zone",
        arguments: [
            (nil, "2026-01-31 23:30:00 UTC"), (0, "2026-01-31 23:30:00 UTC"),
            (3_600, "2026-01-31 23:30:00 UTC (2026-02-01 00:30:00 +01:00)"),
            (-12_600, "2026-01-31 23:30:00 UTC (20:00:00 -03:30)"), (90_000_000, "2026-01-31 23:30:00 UTC"),
        ] as [(Int?, String)])
    func moment(_ offset: Int?, _ expected: String) {
        #expect(ReportOrigin.moment("2026-01-31T23:30:00.000Z", offset: offset) == expected)
    }
}

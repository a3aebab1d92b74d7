import ArgumentParser
import Foundation
import Shared
import Testing

@testable import Collector
@testable import CollectorSupport

@Suite("Command line: the error names the mistake, not its consequence")
struct CommandLineMistakesTests {
    private static func reason(_ arguments: [String], environment: [String: String] = [:]) -> String {
        do {
            _ = try Invocation(arguments: arguments, environment: environment).parsed()
            return ""
        } catch let error as UsageError {
            return error.description
        } catch {
            return Collector.message(for: error)
        }
    }

    private static let sha = String(repeating: "c0ffee", count: 7).prefix(40)

    @Test(
        "Field 27: an unknown option or command is named with a suggestion, whatever else is missing",
        arguments: [
            (["verify", "--fleeet", "x"], "unknown flag '--fleeet': did you mean '--fleet'?"),
            (["verify", "--fleet", "x", "--imgae=a/b:c"], "unknown flag '--imgae': did you mean '--image'?"),
            (["promote", "--drry-run"], "unknown flag '--drry-run': did you mean '--dry-run'?"),
            (["wait-ci", "--contxt", "a", "--timeout", "-5s"], "unknown flag '--contxt': did you mean '--context'?"),
            (["verify", "--zebra"], "unknown flag '--zebra': see buildinfo-collector verify --help"),
            (["verfy"], "unknown command 'verfy': did you mean 'verify'?"),
            (["veriify", "--fleet", "x"], "unknown command 'veriify': did you mean 'verify'?"),
            (["ledger", "chekc", "--store", "x"], "unknown command 'chekc': did you mean 'check'?"),
            (["ledger", "chek"], "unknown command 'chek': did you mean 'check'?"),
            (["history", "--hots", "x"], "unknown flag '--hots': did you mean '--host'?"),
            (["ledger", "check", "--zebra"], "unknown flag '--zebra': see buildinfo-collector ledger check --help"),
            (["help", "verfy"], "unknown command 'verfy': did you mean 'verify'?"),
            (["help", "ledger", "chek"], "unknown command 'chek': did you mean 'check'?"),
            (["verify", "fleet.yaml"], "unexpected argument 'fleet.yaml': see buildinfo-collector verify --help"),
            (["replay", "a", "b"], "unexpected argument 'b': see buildinfo-collector replay --help"),
            (["-x"], "unknown flag '-x': see buildinfo-collector --help"),
        ])
    func unknown(arguments: [String], reason: String) {
        #expect(Self.reason(arguments) == reason)
    }

    @Test(
        "Field 27: a value that begins with a dash is invalid, not missing",
        arguments: [
            (["verify", "--sha", String(sha), "--timeout", "-5s"], "'-5s'"),
            (["wait-ci", "--context", "a", "--interval", "-1s"], "'-1s'"),
            (["verify", "--sha", String(sha), "--min-hosts", "-2"], "'-2'"),
            (["history", "--limit", "-3"], "-3"),
        ])
    func negative(arguments: [String], value: String) {
        let reason = Self.reason(arguments)
        #expect(reason.contains(value), "\(reason)")
        #expect(!reason.lowercased().contains("missing"), "\(reason)")
    }

    @Test(
        "An invalid value is quoted once, and its problem told once",
        arguments: [
            ["history", "--at", "sometime"], ["history", "--since", "sometime"],
            ["verify", "--sha", "sometime"], ["verify", "--digest", "sometime"], ["verify", "--timeout", "sometime"],
            ["promote", "--candidate", "some time"], ["verify", "--max-failed", "sometime"],
        ])
    func once(arguments: [String]) {
        let reason = Self.reason(arguments)
        #expect(reason.components(separatedBy: "'\(arguments[2])'").count == 2, "\(reason)")
        #expect(reason.components(separatedBy: "invalid").count == 2, "\(reason)")
    }

    @Test(
        "A misspelt variable is named with a suggestion, and variables of other programs are not",
        arguments: [
            ("BUILDINFO_FLEEET", "BUILDINFO_FLEET"), ("BUILDINFO_TIMEUOT", "BUILDINFO_TIMEOUT"),
            ("BUILDINFO_FAILAFTER", "BUILDINFO_FAIL_AFTER"), ("BUILDINFO_FLEET", nil), ("BUILDINFO_LIMIT", nil),
            ("BUILDINFO_KEEP_LAST", nil), ("BUILDINFO_HOST_ID", nil), ("BUILDINFO_LISTEN", nil),
            ("BUILDINFO_VERSION", nil),
            ("BUILDINFO_UPDATE_GOLDEN", nil), ("BUILDINFO_", nil), ("BUILDINF_FLEET", nil),
        ] as [(String, String?)])
    func variables(name: String, suggestion: String?) {
        let warnings = EnvironmentMistakes(of: VerifyCommand.self, environment: [name: "x", "HOME": "/"]).warnings
        #expect(
            warnings
                == (suggestion.map { ["\(name) is not a variable of this program: did you mean '\($0)'?"] } ?? []))
        #expect(EnvironmentMistakes(of: DrillCommand.self, environment: [name: "x"]).warnings.isEmpty)
    }

    @Test("A missing option is reported, and a value may look like an option")
    func missing() {
        #expect(Self.reason(["verify", "--host", "a"]).contains("no target: give --sha"))
        #expect(Self.reason(["verify", "--sha"]).lowercased().contains("missing value"))
        #expect(Self.reason(["verify", "--sha", "--host", "a"]).lowercased().contains("missing value"))
        #expect(Self.reason(["wait-ci", "--context=--strange"]).isEmpty)
        #expect(Self.reason(["verify", "--sha", String(Self.sha), "--host", "a"]).isEmpty)
        #expect(Self.reason(["ledger", "prune", "--keep", "3d", "--dry-run"]).isEmpty)
    }

    @Test(
        "An override is rejected in the environment",
        arguments: [
            (["promote"], "BUILDINFO_DRY_RUN"), (["promote"], "BUILDINFO_NO_CI"), (["promote"], "BUILDINFO_NO_VERIFY"),
            (["promote"], "BUILDINFO_ALLOW_ROLLBACK"), (["promote"], "BUILDINFO_ALLOW_SKIPPED"),
            (["promote"], "BUILDINFO_SKIP_ANCESTRY"), (["wait-ci"], "BUILDINFO_ALLOW_SKIPPED"),
            (["rollback"], "BUILDINFO_DRY_RUN"), (["rollback"], "BUILDINFO_NO_VERIFY"),
            (["ledger", "prune"], "BUILDINFO_DRY_RUN"),
        ])
    func environment(command: [String], variable: String) async {
        // Rejected before help, which would exit with 0.
        #expect(await Invocation(arguments: command + ["--help"], environment: [variable: "1"]).run() == 64)
    }

    @Test("A context that may be skipped must be a required one")
    func allowedSkips() throws {
        let options = try CIOptions.parse(["--context", "test, lint", "--allow-skipped", "lint"])
        #expect(try options.allowedSkips() == ["lint"])
        let wrong = try CIOptions.parse(["--context", "test", "--allow-skipped", "tset"])
        let error = #expect(throws: UsageError.self) { try wrong.allowedSkips() }
        #expect(
            error?.description == "--allow-skipped 'tset' is not one of the required contexts: did you mean 'test'?")
    }
}

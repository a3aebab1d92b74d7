import AgentCore
import Glibc
import Shared

/// What `init` found and wrote, and what to do next, for standard error.
struct InitSummary: Sendable {
    let survey: EngineSurvey
    /// The written file; nil for standard output.
    let file: String?
    /// Default sockets of engines that were not asked.
    let otherSockets: [String]

    var text: String {
        let active = survey.services.filter { $0.obstacle == nil }
        var lines = [
            "\(survey.engineNames): \(Self.count(survey.containerCount, "container")), "
                + "\(Self.count(active.count, "running service"))"
        ]
        if !active.isEmpty {
            lines.append("")
            lines += CheckResult.table(
                [["SERVICE", "SELECTOR", "STATE", "SHA", "DIGEST", "HEALTH CHECK"]] + active.map(Self.row))
        }
        let notReported =
            survey.services.compactMap { service in
                service.obstacle.map { "\(service.declaration.selector): \($0)" }
            } + survey.leftOut
        if !notReported.isEmpty {
            lines += ["", "Not reported:"]
            lines += notReported.prefix(20).map { "  \(Sanitizer.singleLine($0, limit: 200))" }
            if notReported.count > 20 { lines.append("  and \(notReported.count - 20) more") }
        }
        if !otherSockets.isEmpty {
            lines += [
                "",
                "Not asked: \(otherSockets.joined(separator: ", ")). To ask several engines, give each an --engine.",
            ]
        }
        lines += ["", "Next:"]
        lines += steps(active).enumerated().map { "  \($0.offset + 1). \($0.element)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func row(_ service: FoundService) -> [String] {
        [
            service.declaration.name, Sanitizer.singleLine(service.declaration.selection, limit: 80),
            service.content.state.rawValue, service.content.gitSHA?.short ?? "-", service.content.digest?.short ?? "-",
            service.lacksHealthCheck ? "none" : "yes",
        ]
    }

    private func steps(_ active: [FoundService]) -> [String] {
        let standard = ConfigurationSource.standardPath
        let shown = file.map { Sanitizer.singleLine($0, limit: 200) }
        let name = active.first?.declaration.name
        var steps = [
            active.isEmpty
                ? "List your services in \(shown ?? standard), or start them and run init again."
                : "Remove the services that your pipeline does not deploy from \(shown ?? "the configuration")."
        ]
        if let shown, shown != standard {
            steps.append("buildinfo-agent serve --config \(ShellText.quoted(shown))")
        } else {
            if shown == nil {
                let force = access(standard, F_OK) == 0 ? " --force" : ""
                steps.append("Save it: run this command again with --output \(standard)\(force)")
            }
            if survey.engines.contains(where: { $0.identity.name == .podman }) {
                steps.append("Give the reader access to Podman: see podman in /usr/share/doc/buildinfo-agent/examples")
            }
            steps.append("systemctl restart buildinfo-reader buildinfo-agent")
        }
        let check = shown == nil || shown == standard ? "" : " --config \(ShellText.quoted(shown ?? ""))"
        steps.append("buildinfo-agent check\(check)")
        steps.append(
            "curl -s http://127.0.0.1:\(BuildinfoProtocol.defaultPort)/buildinfo\(name.map { "/\($0)" } ?? "")")
        steps.append("Open the port to the collector's machine, and run there: buildinfo-collector init HOST")
        return steps
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}

/// Words for a shell.
private enum ShellText {
    /// The text as one word.
    static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { $0.isASCIIAlphanumeric || "._-/".utf8.contains($0) }
        return isPlain
            ? text
            : "'\(text.split(separator: "'" as Character, omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
    }
}

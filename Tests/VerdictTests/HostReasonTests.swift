import Shared
import Testing

@testable import CollectorFixtures
@testable import Verdict

/// Codes and sentences of host reasons.
@Suite("Reasons of hosts")
struct HostReasonTests {
    @Test("Every code has a sample, so that no sentence goes untested")
    func complete() {
        #expect(Set(HostReason.samples.map(\.code)) == Set(HostReason.Code.allCases))
    }

    @Test("A reason is one clean line, with a cause", arguments: HostReason.samples)
    func clean(_ reason: HostReason) {
        let text = reason.text
        for line in [text.sentence, text.finding, text.cause] {
            #expect(!line.isEmpty && line == Sanitizer.singleLine(line))
            #expect(!line.contains("  ") && !line.hasSuffix(":") && !line.hasSuffix("."))
        }
        #expect(text.remedy?.isEmpty != true && text.note?.isEmpty != true)
    }

    @Test("Hostile text of a peer stays on one line", arguments: ["a\nb", "\u{1B}[2J", "\u{202E}x"])
    func hostile(_ text: String) {
        let reasons: [HostReason] = [
            .wrongHost(given: text, expected: text, isFromInventory: true), .duplicateID(text, other: text),
            .otherService(text, expected: "canvas"), .agentMissing(expectedID: text),
            .noRevision(.unusable(text), said: nil),
            .instancesDiffer(
                matching: 1, of: 2, other: text, ServiceSetup(service: text, engine: .docker, container: text),
                .pinned(text, target: text)),
            .crashLoop(
                .init(instance: text, count: 2, span: .seconds(4)),
                .init(
                    state: .unhealthy, instance: text,
                    setup: ServiceSetup(
                        service: text, engine: .podman, deployment: .init(tool: .systemd, name: text), container: text),
                    error: text, healthOutput: text)),
            .requestFailed(FailedRequest(.httpStatus, detail: "answered HTTP 404", url: text, service: text)),
        ]
        for reason in reasons {
            #expect(reason.text.sentence == Sanitizer.singleLine(reason.text.sentence), "\(reason.code)")
        }
    }

    @Test("A reason's sentence contains its command")
    func recorded() {
        let reason = HostReason.neverPulled(
            .dockerCompose, .moving("registry.example/canvas:latest"),
            serves: .init(build: "bbbbbbbbbbbb", generation: 1))
        #expect(reason.text.sentence.hasPrefix("not pulled: run cd /srv/shop && docker compose pull canvas && "))
        #expect(reason.text.finding == "not pulled (serves bbbbbbbbbbbb, promotion no. 1)")
    }
}

import Foundation
import Shared
import Support

@testable import CollectorFixtures
@testable import Evidence
@testable import Verdict

/// Lines of evidence with any content, from one seed.
struct EvidenceLines {
    private var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    /// One of the lines that a verification has many of.
    mutating func next() -> EvidenceLine {
        switch random.pick(0, 11) {
        case 0:
            .host(
                ExpectedHost(
                    name: text(), url: "http://\(text())/", id: maybe { $0.text() },
                    labels: Dictionary(
                        (0..<random.pick(0, 3)).map { _ in (text(), text()) }, uniquingKeysWith: { $1 })))
        case 1: .asked(.init(at: time(), hosts: (0..<random.pick(0, 4)).map { _ in number() }))
        case 2: .time(.init(at: time()))
        case 3: .paced(.init(at: time(), interval: time()))
        case 4, 5:
            .status(
                .init(
                    host: number(), at: time(), status: random.pick(from: HostStatus.allCases),
                    code: maybe { $0.random.pick(from: HostReason.Code.allCases) }, reason: text()))
        default:
            .sample(
                Sample(
                    host: number(), askedAt: time().duration, answeredAt: time().duration, nonce: text(),
                    answer: answer()))
        }
    }

    private mutating func answer() -> Sample.Answer {
        switch random.pick(0, 5) {
        case 0: .unusable(random.pick(from: RequestOutcome.allCases), detail: text())
        case 1, 2:
            .repeated(RepeatedDocument(nonce: maybe { $0.text() }, ageSeconds: seconds(), observedAt: text()))
        case 3:
            .plain(
                PlainAnswer(
                    gitSHA: commit(), nonce: maybe { $0.text() }, service: maybe { $0.text() },
                    state: maybe { $0.state() }, stateText: maybe { $0.text() }, problem: maybe { $0.text() },
                    ageSeconds: maybe { $0.seconds() }, stored: maybe { $0.text() },
                    date: maybe { Int64($0.number()) - 5 }))
        default: .document(document())
        }
    }

    private mutating func document() -> Document {
        var document = Document(
            service: text(), gitSHA: nil, digest: nil, state: state(), reason: maybe { $0.text() },
            host: HostIdentity(id: text(), name: text(), bootID: text()),
            instances: (0..<random.pick(0, 2)).map { _ in instance() }, instancesExpected: maybe { $0.number() },
            leftOut: (0..<random.pick(0, 2)).map { _ in leftOut() },
            engine: maybe {
                EngineIdentity(
                    name: .podman, store: .containerd, version: $0.maybe { $0.text() },
                    apiVersion: $0.maybe { $0.text() }, platform: $0.maybe { $0.text() })
            },
            served: maybe {
                ProbeResult(
                    url: $0.text(), outcome: .notBuildinfo, status: $0.maybe { $0.number() },
                    gitSHA: $0.maybe { $0.commit() }, latencySeconds: $0.maybe { $0.seconds() })
            },
            observedAt: text(), ageSeconds: seconds(), nonce: maybe { $0.text() },
            agent: AgentIdentity(version: text(), uptimeSeconds: seconds()))
        document.gitSHA = commit()
        document.digest = random.chance(50) ? .absent : random.chance(50) ? .known(digest()) : .unusable(text())
        return document
    }

    private mutating func instance() -> Instance {
        Instance(
            id: text(), name: text(), project: maybe { $0.text() },
            deployment: maybe {
                Instance.Deployment(
                    tool: .compose, group: $0.maybe { $0.text() }, name: $0.maybe { $0.text() },
                    directory: $0.maybe { $0.text() }, files: $0.maybe { [$0.text(), $0.text()] } ?? [])
            },
            state: state(), health: maybe { _ in .healthy }, healthOutput: maybe { $0.text() },
            startedAt: maybe { $0.text() }, restartCount: maybe { $0.number() }, exitCode: maybe { $0.number() },
            oomKilled: maybe { $0.random.chance(50) }, error: maybe { $0.text() }, gitSHA: commit(),
            image: ImageEvidence(
                reference: text(), platform: maybe { $0.text() }, origin: .registry,
                digests: (0..<random.pick(0, 2)).map { _ in
                    DigestEvidence(
                        digest: digest(), kind: .indexOrManifest, repository: maybe { $0.text() },
                        source: .containerManifestDescriptor)
                }, tagMoved: random.chance(50)))
    }

    private mutating func leftOut() -> LeftOutContainer {
        LeftOutContainer(
            id: text(), name: text(), project: maybe { $0.text() }, reason: .oneOff, state: state(),
            exitCode: maybe { $0.number() }, restartCount: maybe { $0.number() })
    }

    // MARK: - Values

    private mutating func maybe<Value>(_ value: (inout Self) -> Value) -> Value? {
        random.chance(50) ? value(&self) : nil
    }

    private mutating func text() -> String {
        let parts = [
            "host-1", "a/b:c", "\"", "\\", "\u{0}", "\u{8}\u{9}\u{A}\u{C}\u{D}\u{1F}\u{7F}", "ä", "\u{2028}", "👩‍👩‍👧",
            "e\u{301}",
            "\u{202E}", "</script>", "registry.example.com/canvas:latest@sha256",
        ]
        return (0..<random.pick(0, 3)).map { _ in random.pick(from: parts) }.joined()
    }

    private mutating func number() -> Int { random.pick(from: [0, 7, 42, 65_535, 123_456_789, Int(Int32.max)]) }

    private mutating func seconds() -> Double {
        random.pick(
            from: [
                0, 1, 86_400, 0.001, 0.1 + 0.2, 1e-7, .leastNonzeroMagnitude, 1e15, 999_999_999_999_999, 1e16, 1e21,
                123_456.789_012_345,
                .greatestFiniteMagnitude, Double(random.pick(0, 1 << 40)) / 1_024,
            ])
    }

    private mutating func time() -> Nanoseconds {
        Nanoseconds(.nanoseconds(random.pick(from: [0, 1, 999_999_999, 1_000_000_000, random.pick(0, 1 << 50)])))
    }

    private mutating func state() -> ServiceState { random.pick(from: ServiceState.allCases) }

    private mutating func commit() -> Reported<GitSHA> {
        switch random.pick(0, 2) {
        case 0: .absent
        case 1: .unusable(text())
        default: .known(random.chance(50) ? .of("a") : .of("b"))
        }
    }

    private mutating func digest() -> Digest { Digest(sha256Of: Array(text().utf8)) }
}

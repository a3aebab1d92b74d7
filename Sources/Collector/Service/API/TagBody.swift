import Foundation
import Operations
import Reports
import Shared

/// The watched tag of a fleet in `GET /api/v1/fleets`.
struct TagBody: Encodable {
    private struct Build: Encodable {
        let build: Drift.Build

        enum Key: String, CodingKey {
            case digest, generation
            case gitSHA = "git_sha"
            case builtAt = "built_at"
            case promotedAt = "promoted_at"
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(build.gitSHA, forKey: .gitSHA)
            try container.encode(build.digest, forKey: .digest)
            try container.encode(build.builtAt, forKey: .builtAt)
            try container.encode(build.generation, forKey: .generation)
            try container.encode(build.promotedAt, forKey: .promotedAt)
        }
    }

    private let snapshot: TagSnapshot
    private let state: TagSnapshot.State
    private let findings: [Drift.Finding]
    private let knowledge: Knowledge

    init(_ snapshot: TagSnapshot, in fleet: FleetSnapshot, at now: ContinuousClock.Instant, wall: Date) {
        self.snapshot = snapshot
        let hosts = snapshot.hostFindings(in: fleet, at: now)
        state = snapshot.state(in: fleet, hosts, at: now)
        findings = snapshot.findings + hosts
        knowledge = Knowledge(snapshot.readAt, isFresh: snapshot.isFresh(at: now), at: now, wall: wall)
    }

    private enum Key: String, CodingKey {
        case image, build, drift, findings, unpromoted, problem, fresh
        case asOf = "as_of"
        case ageSeconds = "age_seconds"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(Sanitizer.singleLine(snapshot.image.description, limit: 512), forKey: .image)
        try container.encode(snapshot.build.map(Build.init), forKey: .build)
        try container.encode(state.rawValue, forKey: .drift)
        try container.encode(findings, forKey: .findings)
        try container.encode(snapshot.unpromoted, forKey: .unpromoted)
        try container.encode(snapshot.problem, forKey: .problem)
        try container.encode(knowledge.asOf, forKey: .asOf)
        try container.encode(knowledge.ageSeconds, forKey: .ageSeconds)
        try container.encode(knowledge.isFresh, forKey: .fresh)
    }
}

import Foundation
package import Ledger
package import Registry
import Reports
import Shared
import Verdict

/// Reads the tag, the candidates and the ledger to find drift. It changes nothing.
package struct DriftReader: Sendable {
    /// The tag, as it was read before the hosts were asked.
    private let named: ImageSource
    private let ledger: Ledger?
    private let candidates: CandidatePattern

    package init(named: ImageSource, ledger: Ledger?, candidates: CandidatePattern = .standard) {
        self.named = named
        self.ledger = ledger
        self.candidates = candidates
    }

    func drift(from report: Report, promotions: [Promotion], now: Date) async throws -> Drift {
        // A new deadline, independent of the duration of the sweep.
        var list = CandidateList(pattern: candidates)
        try await list.read(
            of: named.reference, from: named.client.until(.now + named.timeout), promotions: promotions)
        return try await DriftRules.read(
            of: report.target.deployed, image: named.reference, tag: named.image, promotions: promotions,
            candidates: list.images, ledger: ledger, now: now
        ).drift(report.hosts.map(DriftHost.init))
    }
}

extension DriftRules {
    /// The rules with what the ledger knows of the tag and of the last promotion.
    static func read(
        of service: DeployedService, image: ImageReference, tag: ResolvedImage?, promotions: [Promotion],
        candidates: [ResolvedImage], ledger: Ledger?, now: Date
    ) async throws(LedgerError) -> DriftRules {
        DriftRules(
            service: service, image: image, tag: tag, promotions: promotions,
            journal: try await ledger?.journal(repository: image.repository, tag: image.effectiveTag) ?? [],
            candidates: candidates,
            converged: try await ledger?.converged(on: promotions.last?.generation ?? 0, of: service) ?? [:], now: now)
    }
}

extension DriftHost {
    init(_ host: Report.Host) {
        self.init(
            name: host.name, gitSHA: host.gitSHA, digest: host.digest, isReached: host.facts.reach == .ok,
            build: host.facts.build)
    }
}

/// The images of the candidates whose commits were never promoted.
struct CandidateList: Sendable {
    let pattern: CandidatePattern
    /// By tag; nil for a tag that is not an image.
    private var known: [String: ResolvedImage?] = [:]

    /// The most unpromoted candidates to examine.
    private static let maximum = 100
    private static let concurrency = 8

    init(pattern: CandidatePattern) {
        self.pattern = pattern
    }

    var images: [ResolvedImage] { known.values.compactMap(\.self) }

    /// Lists the tags, and reads the candidates among them that were not read before.
    mutating func read(
        of image: ImageReference, from registry: RegistryClient, promotions: [Promotion]
    ) async throws {
        let promoted = Set(promotions.compactMap(\.gitSHA?.hex))
        let tags = try await registry.tags(of: image).filter { tag in
            pattern.commit(in: tag).map { !promoted.contains(String($0)) } ?? false
        }.prefix(Self.maximum)
        known = known.filter { tags.contains($0.key) }
        let unread = tags.filter { known.index(forKey: $0) == nil }
        try await withThrowingTaskGroup(of: (String, ResolvedImage?).self) { group in
            var rest = unread[...]
            func next() {
                guard let tag = rest.popFirst(), let reference = ImageReference(parsing: "\(image.repository):\(tag)")
                else { return }
                group.addTask { (tag, try await Self.usable(reference, registry)) }
            }
            for _ in 0..<Self.concurrency { next() }
            while let (tag, image) = try await group.next() {
                // Kept also if a later one cannot be read.
                known.updateValue(image, forKey: tag)
                next()
            }
        }
    }

    /// nil for a tag that is not an image or was removed meanwhile: an unusable candidate is not drift.
    private static func usable(
        _ reference: ImageReference, _ registry: RegistryClient
    ) async throws(RegistryError) -> ResolvedImage? {
        do throws(RegistryError) {
            return try await registry.resolve(reference)
        } catch .absent, .unusable {
            return nil
        }
    }
}

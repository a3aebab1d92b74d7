import CollectorSupport
import Foundation
package import Ledger
package import Logging
package import Registry
import Reports
package import Shared
import Transfer
package import Verdict

/// The tag of a fleet as a service watches it.
package struct WatchedTag: Sendable {
    package var image: ImageReference
    package var interval: Duration
    package var candidates: CandidatePattern
    package var access: RegistryAccess

    package init(
        image: ImageReference, interval: Duration, candidates: CandidatePattern, access: RegistryAccess
    ) {
        self.image = image
        self.interval = interval
        self.candidates = candidates
        self.access = access
    }
}

/// Reads a fleet's tag for as long as the process runs, and compares it with the promotions.
///
/// It changes nothing, neither in the registry nor in the ledger.
package struct TagCheck: Sendable {
    private let service: DeployedService
    private let tag: WatchedTag
    private let ledger: Ledger
    private let board: TagBoard
    private let logger: Logger

    /// The time between the beginnings of two reads, however many are requested.
    private static let spacing = Duration.seconds(2)
    /// The same after a failed read: a registry that limits requests is not to be asked by every notice.
    private static let failureSpacing = Duration.seconds(15)
    /// The time limit for all requests of one read.
    private static let limit = Duration.seconds(30)
    /// The candidates are listed in every tenth interval, and sooner if a read was requested.
    private static let listing = 10

    package init(
        of service: DeployedService, tag: WatchedTag, ledger: Ledger, board: TagBoard, logger: Logger
    ) {
        self.service = service
        self.tag = tag
        self.ledger = ledger
        self.board = board
        self.logger = logger
    }

    /// Runs until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            do {
                try await WebClient.with { web in
                    await follow(RegistryClient(web: web, access: tag.access, deadline: .now))
                }
            } catch {
                note("\(error)")
                do { try await Task.sleep(for: tag.interval) } catch { return }
            }
        }
    }

    private func follow(_ client: RegistryClient) async {
        var reading = Reading(candidates: CandidateList(pattern: tag.candidates))
        var isRequested = false
        while !Task.isCancelled {
            let number = board.hints.number
            let start = ContinuousClock.now
            let spacing =
                await read(client, &reading, isRequested: isRequested)
                ? Self.spacing : min(Self.failureSpacing, max(Self.spacing, tag.interval))
            // Checks that began together spread out, and ask the registry at different times.
            let pause = tag.interval * Double.random(in: 0.9...1)
            await board.hints.wait(after: number, for: max(.zero, start + pause - .now))
            isRequested = board.hints.number != number
            guard isRequested else { continue }
            do { try await Task.sleep(until: start + spacing) } catch { return }
        }
    }

    /// What reads remember.
    private struct Reading {
        /// nil before the first read, and if the tag does not exist.
        var image: ResolvedImage?
        var candidates: CandidateList
        /// Why the candidates could not be listed; nil if they were.
        var listingProblem: String?
        var listedAt: ContinuousClock.Instant?
        var isListingRequested = false
        /// The differences of the tag, and when they were first found.
        var difference: (findings: [Drift.Finding], since: ContinuousClock.Instant)?
    }

    /// - Returns: false if the tag, or the ledger, could not be read.
    private func read(_ client: RegistryClient, _ reading: inout Reading, isRequested: Bool) async -> Bool {
        let client = client.until(.now + Self.limit)
        if isRequested { reading.isListingRequested = true }
        board.update { $0.reads += 1 }
        do {
            reading.image = try await image(client, known: reading.image)
        } catch {
            if !Task.isCancelled { note("\(error)") }
            return false
        }
        let readAt = ContinuousClock.now
        do {
            let promotions = try await ledger.promotions(of: service)
            let problem = await list(client, &reading, promotions)
            let rules = try await DriftRules.read(
                of: service, image: tag.image, tag: reading.image, promotions: promotions,
                candidates: reading.candidates.images, ledger: ledger, now: Date())
            guard !Task.isCancelled else { return false }
            show(rules, &reading, at: readAt, problem: problem)
            return true
        } catch {
            if !Task.isCancelled { note("\(error)") }
            return false
        }
    }

    /// The tag's present image; nil if the tag does not exist.
    ///
    /// A HEAD request, which is not counted as a pull, is enough while the tag does not move.
    private func image(
        _ client: RegistryClient, known: ResolvedImage?
    ) async throws(RegistryError) -> ResolvedImage? {
        if let known {
            do throws(RegistryError) {
                guard try await client.mayDiffer(tag.image, from: known.digest) else { return known }
            } catch .absent {
                // Read again below.
            }
        }
        guard let manifest = try await client.present(tag.image, isFresh: true) else { return nil }
        if let known, known.digest == manifest.digest { return known }
        do throws(RegistryError) {
            return try await client.resolve(manifest, as: tag.image)
        } catch .absent, .unusable {
            // A tag that was moved to something that cannot run was moved all the same.
            return ResolvedImage(reference: tag.image, manifest: manifest, entries: [])
        }
    }

    /// Lists the candidates when it is time to.
    ///
    /// - Returns: why they could not be listed; nil otherwise.
    private func list(
        _ client: RegistryClient, _ reading: inout Reading, _ promotions: [Promotion]
    ) async -> String? {
        let now = ContinuousClock.now
        if let listedAt = reading.listedAt {
            let age = now - listedAt
            guard age >= tag.interval * Self.listing || reading.isListingRequested && age >= tag.interval else {
                return reading.listingProblem
            }
        }
        reading.listedAt = now
        reading.isListingRequested = false
        do {
            try await reading.candidates.read(of: tag.image, from: client, promotions: promotions)
            reading.listingProblem = nil
        } catch {
            reading.listingProblem = Sanitizer.singleLine("\(error)", limit: 300)
        }
        return reading.listingProblem
    }

    private func show(
        _ rules: DriftRules, _ reading: inout Reading, at readAt: ContinuousClock.Instant, problem: String?
    ) {
        // Without a promotion there is nothing that the tag could differ from.
        let found = rules.unsettled + (rules.promotions.isEmpty ? [] : rules.tagFindings)
        if found.isEmpty {
            reading.difference = nil
        } else if reading.difference?.findings != found {
            reading.difference = (found, readAt)
        }
        // A promotion moves the tag before it is recorded, and a registry may show its former build for a while.
        let isDoubted = reading.difference.map { readAt - $0.since < tag.interval * 0.8 } ?? false
        let unpromoted = problem == nil ? rules.unpromotedBuilds : nil
        board.update { content in
            content.build = rules.tagged
            content.findings = found + rules.findings(of: unpromoted ?? [])
            content.unpromoted = unpromoted?.count
            content.readAt = readAt
            content.problem = problem
            content.hasFailed = false
            content.isDoubted = isDoubted
            content.rules = rules
        }
    }

    private func note(_ problem: String) {
        let problem = Sanitizer.singleLine(problem, limit: 300)
        if board.snapshot.problem != problem {
            logger.warning("Tag check", metadata: ["fleet": "\(service)", "problem": "\(problem)"])
        }
        board.update { content in
            content.problem = problem
            content.hasFailed = true
        }
    }
}

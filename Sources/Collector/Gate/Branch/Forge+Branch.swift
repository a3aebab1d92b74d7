package import Shared

extension Forge {
    /// How a commit stands to its branch.
    ///
    /// - Throws: ``GateError/unavailable(_:)`` where the forge did not say, even when asked again until the deadline.
    package func standing(
        of sha: GitSHA, on branch: String, before deadline: ContinuousClock.Instant
    ) async throws(GateError) -> BranchPosition {
        do throws(ForgeError) {
            let head = try await Patience.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.head(of: branch, before: deadline)
            }
            guard head != sha else { return .head }
            let isAncestor = try await Patience.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.isAncestor(sha, of: head, before: deadline)
            }
            return .decide(sha, head: head, isAncestor: isAncestor)
        } catch {
            throw .unavailable("it is not known whether commit \(sha.short) is superseded: \(error)")
        }
    }

    /// The gate's rule: a commit is promoted only while it is its branch's head.
    package func requireHead(
        _ sha: GitSHA, of branch: String, before deadline: ContinuousClock.Instant
    ) async throws(GateError) {
        try await standing(of: sha, on: branch, before: deadline).requireHead(sha, of: branch)
    }

    /// How a new build's commit stands to the present one's. Never throws: not to know is an answer, see ``TagMove``.
    package func ancestry(
        of new: GitSHA, from present: GitSHA, before deadline: ContinuousClock.Instant
    ) async -> Ancestry {
        guard new != present else { return .same }
        do throws(ForgeError) {
            let isAncestor = try await Patience.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.isAncestor(present, of: new, before: deadline)
            }
            return isAncestor ? .descendant : .notDescendant
        } catch {
            return .unknown(error.description)
        }
    }
}

/// Asks again what failed in a way that may pass.
package enum Patience {
    /// Tries until it succeeds, fails for good, or the next try would come too late.
    ///
    /// - Parameter pause: before the second try; doubled for each further one, 10 s at most.
    static func retrying<Value: Sendable>(
        before deadline: ContinuousClock.Instant, pause: Duration = .milliseconds(500),
        _ attempt: () async throws(ForgeError) -> Value
    ) async throws(ForgeError) -> Value {
        let clock = ContinuousClock()
        var pause = pause
        while true {
            let failure: ForgeError
            do throws(ForgeError) {
                return try await attempt()
            } catch {
                failure = error
            }
            let wanted: Duration
            switch failure.kind {
            case .transient: wanted = pause
            case .throttled(let asked): wanted = max(pause, asked ?? pause)
            case .unreadable, .refused, .late, .cancelled: throw failure
            }
            guard clock.now + wanted < deadline else { throw failure }
            do {
                try await clock.sleep(for: wanted)
            } catch {
                throw ForgeError(.cancelled, failure.description)
            }
            pause = min(pause * 2, .seconds(10))
        }
    }
}

/// What on a branch supersedes a commit.
package enum SupersedingRule: String, CaseIterable, Sendable {
    /// A newer commit whose candidate the registry has. A commit that builds nothing (documentation, `[skip ci]`) does not
    /// stand in the way of the last one that was built.
    case candidate
    /// Any newer commit.
    case head
}

/// How the commits between a commit and a later one of its branch descend from it.
package struct BranchGap: Hashable, Sendable {
    /// A commit with its parents, as far as the forge says them.
    package struct Commit: Hashable, Sendable {
        package var sha: GitSHA
        /// nil where the forge does not say.
        var parents: [GitSHA]?

        package init(sha: GitSHA, parents: [GitSHA]? = nil) {
            self.sha = sha
            self.parents = parents
        }
    }

    /// More are not looked at.
    package static let limit = 500
    /// How far back a commit is looked for: enough for the commits between two promotions, in some seconds.
    static let pages = 40

    /// The commits that the later one has in its history and the earlier one does not, newest first. May have some of the
    /// earlier one's ancestors, where their dates are confused.
    package var commits: [Commit]

    /// Those that descend from the earlier one, newest first. One whose parents are not known counts as one of them.
    func descendants(of sha: GitSHA) -> [GitSHA] {
        var known: Set<GitSHA> = [sha]
        var isFinished = false
        while !isFinished {
            isFinished = true
            // The oldest first, so that one pass is enough unless dates are confused.
            for commit in commits.reversed() where !known.contains(commit.sha) {
                guard commit.parents?.contains(where: known.contains) ?? true else { continue }
                known.insert(commit.sha)
                isFinished = false
            }
        }
        return commits.map(\.sha).filter { known.contains($0) && $0 != sha }
    }
}

extension BranchGap {
    static func tooMany(after sha: GitSHA, _ place: String) -> ForgeError {
        ForgeError(
            .refused(status: 0),
            "\(place): more than \(limit) commits came after \(sha.short): promote a newer one, or give --superseded-by head"
        )
    }
}

extension Forge {
    /// The gate's rule by ``SupersedingRule/candidate``: a commit of the branch is promoted while no newer one has a candidate.
    ///
    /// - Parameter candidateExists: asks the registry. What it throws ends the question: not to know is not "no".
    /// - Returns: what was found, as a clause for the story.
    package func requireNoCandidate(
        after sha: GitSHA, of branch: String, before deadline: ContinuousClock.Instant,
        candidateExists: (GitSHA) async throws -> Bool
    ) async throws -> String {
        let name = Sanitizer.singleLine(branch, limit: 100)
        let standing = try await standing(of: sha, on: branch, before: deadline)
        guard case .superseded(let head) = standing else {
            try standing.requireHead(sha, of: branch)
            return "\(name) is at \(sha.short)"
        }
        let newer: [GitSHA]
        do throws(ForgeError) {
            let gap = try await Patience.retrying(before: deadline) { () async throws(ForgeError) in
                try await self.commits(after: sha, upTo: head, before: deadline)
            }
            newer = gap.descendants(of: sha)
        } catch {
            throw GateError.unavailable("it is not known whether commit \(sha.short) is superseded: \(error)")
        }
        for commit in newer where try await candidateExists(commit) {
            throw GateError.superseded(
                "commit \(sha.short) is superseded: commit \(commit.short) of \(name) descends from it, and the registry has its "
                    + "candidate")
        }
        let count = newer.count == 1 ? "1 newer commit" : "\(newer.count) newer commits"
        return "\(name) is at \(head.short): \(count), and no candidate of \(newer.count == 1 ? "it" : "them")"
    }
}

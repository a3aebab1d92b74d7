/// Everything that a verification can take in. What it decides follows from these alone, in their order: a list of them is
/// a recording that replays to the same labels and verdict.
extension Verification {
    package enum Input: Hashable, Sendable {
        case started
        /// Requests to these hosts are on their way.
        case asked([Int], at: Duration)
        case sample(Sample)
        /// Time passes.
        case time(Duration)
        /// The ledger's promotions of the service, read again.
        case promotions([Promotion], at: Duration)
        /// The names that the inventory's source lists now.
        case listed(Set<String>, at: Duration)
        /// What the registry said about a digest that was asked for.
        case learned(DigestLookup, at: Duration)
        /// What the promoted tag is instead; nil where it is what was promoted, again.
        case moved(RetaggedImage?, at: Duration)
        /// A look at the promoted tag that was asked for and began at `lookedAt`: it is what was promoted.
        case tagSeen(lookedAt: Duration, at: Duration)
        case signal(Int32, at: Duration)
    }

    package mutating func take(_ input: Input) -> [Action] {
        switch input {
        case .started: return start()
        case .asked(let hosts, let moment):
            for host in hosts { asked(host, at: moment) }
            return []
        case .sample(let sample): return observe(sample)
        case .time(let now): return advance(to: now)
        case .promotions(let promotions, let now): return learn(promotions: promotions, at: now)
        case .listed(let names, let now): return learn(listed: names, at: now)
        case .learned(let image, let now): return learn(image, at: now)
        case .moved(let tag, let now): return learn(moved: tag, at: now)
        case .tagSeen(let lookedAt, _): return see(tagAt: lookedAt)
        case .signal(let number, let now): return interrupt(signal: number, at: now)
        }
    }
}

/// The state of one host, in 8 bytes.
struct HostState: Hashable, Sendable {
    enum Build: UInt8, Sendable { case former, target }

    /// The reaction to a request.
    enum Reaction: UInt8, Sendable {
        case answer
        /// Never answer.
        case hang
        /// Reset the connection.
        case refuse
        /// Answer 500.
        case error
    }

    var build = Build.former
    var reaction = Reaction.answer
    var isUnhealthy = false
    /// The number of containers so far, of which each has its own id.
    var incarnation: UInt16 = 0
    /// The delay of every answer in milliseconds.
    var delay: UInt16 = 0

    /// The number of the template of this state.
    var template: Int { Int(build.rawValue) * 2 + (isUnhealthy ? 1 : 0) }

    /// True if both have one document.
    func hasDocument(of other: HostState) -> Bool {
        template == other.template && incarnation == other.incarnation
    }

    mutating func apply(_ change: Change) {
        switch change {
        case .serve(let new):
            // A new build is a new container.
            if new != build { incarnation &+= 1 }
            build = new
        case .react(let new): reaction = new
        case .health(let isGood): isUnhealthy = !isGood
        case .delay(let milliseconds): delay = milliseconds
        case .restart: incarnation &+= 1
        }
    }

    /// A change of a host's state.
    enum Change: Hashable, Sendable {
        case serve(Build)
        case react(Reaction)
        case health(isGood: Bool)
        case delay(milliseconds: UInt16)
        case restart
    }
}

import NIOCore
import Synchronization

/// Counts connections, in all and by address, and says whether one more may come in.
final class ConnectionCensus: Sendable {
    enum Admission: Hashable {
        case accepted
        /// To be told so.
        case refused
        /// Too many are being told so already.
        case cut
    }

    private struct State {
        var total = 0
        var refused = 0
        var byAddress: [String: Int] = [:]
    }

    private let limits: ServerLimits
    private let state = Mutex(State())

    init(limits: ServerLimits) {
        self.limits = limits
    }

    /// - Parameter address: nil where the cap by address does not apply.
    func admit(_ address: String?) -> Admission {
        state.withLock { state in
            let fromAddress = address.map { state.byAddress[$0, default: 0] } ?? 0
            if state.total < limits.connections, fromAddress < limits.connectionsPerAddress {
                state.total += 1
                if let address { state.byAddress[address] = fromAddress + 1 }
                return .accepted
            }
            guard state.refused < limits.refusals else { return .cut }
            state.refused += 1
            return .refused
        }
    }

    /// Takes back what ``admit(_:)`` counted.
    func leave(_ address: String?, _ admission: Admission) {
        state.withLock { state in
            switch admission {
            case .accepted:
                state.total -= 1
                guard let address, let count = state.byAddress[address] else { return }
                state.byAddress[address] = count > 1 ? count - 1 : nil
            case .refused: state.refused -= 1
            case .cut: break
            }
        }
    }

    /// The address that the cap counts; nil for those that are exempt.
    func cappedAddress(_ address: SocketAddress?) -> String? {
        guard let address, let text = address.ipAddress else { return nil }
        return limits.exemptsLoopback && address.isLoopback ? nil : text
    }
}

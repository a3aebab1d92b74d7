import NIOCore
import Shared
import Synchronization

/// The number of connections, in total and by address, and the admission of new ones.
final class ConnectionLimiter: Sendable {
    enum Admission: Hashable {
        case accepted
        /// Rejected with an answer.
        case refused
        /// Rejected without an answer, since too many rejections are in progress.
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

    /// - Parameters:
    ///   - address: nil if the limit per address does not apply.
    ///   - makeRoom: closes another connection, which leaves the count soon afterwards; returns false if no connection can
    ///     be closed.
    func admit(_ address: String?, makingRoom makeRoom: () -> Bool = { false }) -> Admission {
        let isFull = state.withLock { $0.total >= limits.connections && hasRoom($0, address) }
        // Outside the lock, which the closed connection needs.
        let isExtra = isFull && makeRoom()
        return state.withLock { state in
            let fromAddress = address.map { state.byAddress[$0, default: 0] } ?? 0
            if state.total < limits.connections || isExtra, fromAddress < limits.connectionsPerAddress {
                state.total += 1
                if let address { state.byAddress[address] = fromAddress + 1 }
                return .accepted
            }
            guard state.refused < limits.refusals else { return .cut }
            state.refused += 1
            return .refused
        }
    }

    private func hasRoom(_ state: State, _ address: String?) -> Bool {
        address.map { state.byAddress[$0, default: 0] < limits.connectionsPerAddress } ?? true
    }

    /// Reverts the count of ``admit(_:makingRoom:)``.
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

    /// The address to count for the limits; nil for exempt peers.
    func cappedAddress(_ address: SocketAddress?) -> String? {
        guard let text = address?.countedAddress else { return nil }
        return limits.exemptsLoopback && (text == "127.0.0.1" || text == "::1") ? nil : text
    }
}

extension SocketAddress {
    /// The identity of one peer for the limits, see ``PeerAddress``; nil for unix sockets.
    var countedAddress: String? {
        guard case .v6(let address) = self else { return ipAddress }
        // `sin6_addr` follows family, port and flow (ipv6(7)). Several modules declare it, so it is read by its offset.
        return PeerAddress.name(v6: withUnsafeBytes(of: address.address) { Array($0[8..<24]) })
    }
}

import Glibc
import NIOCore
import Shared

extension AgentError {
    /// Why an address could not be bound.
    static func bindFailure(_ error: any Error, _ address: String) -> AgentError {
        guard let error = error as? IOError else {
            return .cannotListen(address, why: Sanitizer.singleLine("\(error)", limit: 200))
        }
        switch error.errnoCode {
        case EADDRINUSE: return .addressInUse(address)
        case EADDRNOTAVAIL: return .cannotListen(address, why: "this machine does not have that address")
        case EACCES, EPERM: return .cannotListen(address, why: "permission denied")
        case ENOENT: return .cannotListen(address, why: "its folder does not exist")
        default: return .cannotListen(address, why: "errno \(error.errnoCode)")
        }
    }
}

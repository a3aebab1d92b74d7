import Shared

/// A service in one environment. Promotions and history are kept by it: staging and production of one service do not meet.
package struct DeployedService: Hashable, Sendable {
    package var name: String
    package var environment: EnvironmentName

    package init(_ name: String, in environment: EnvironmentName) {
        self.name = name
        self.environment = environment
    }
}

extension DeployedService: CustomStringConvertible {
    /// For example `canvas in production`; in the default environment, `canvas`.
    package var description: String { environment.isStandard ? name : "\(name) in \(environment)" }
}

extension DeployedService {
    /// For example ` in production`; empty in the default environment.
    package var place: String { environment.isStandard ? "" : " in \(environment)" }

    /// The goal of a promotion, for example `canvas to production`; in the default environment, `canvas`.
    package var promoted: String { environment.isStandard ? name : "\(name) to \(environment)" }
}

extension Target {
    package var deployed: DeployedService { DeployedService(service, in: environment) }
}

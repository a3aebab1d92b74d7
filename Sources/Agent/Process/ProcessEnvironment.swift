import FoundationEssentials

/// The process's environment, read once.
enum ProcessEnvironment {
    static var current: [String: String] { ProcessInfo.processInfo.environment }
}

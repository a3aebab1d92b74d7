import ArgumentParser
import Gate
import Operations

// What flags take by its raw value. The targets that define these know no command line.
extension ForgeKind: ExpressibleByArgument {}
extension SupersedingRule: ExpressibleByArgument {}
extension ProgressMode: ExpressibleByArgument {}

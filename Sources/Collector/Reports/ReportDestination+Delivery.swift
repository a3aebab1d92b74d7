extension [ReportDestination] {
    /// Opens all of them, or none: what was opened before a mistake is taken back.
    init(opening arguments: [String]) throws(ReportDestinationError) {
        self = []
        do throws(ReportDestinationError) {
            for argument in arguments { append(try ReportDestination(opening: argument)) }
        } catch {
            abandon()
            throw error
        }
    }

    /// Takes back what opening left, where nothing will be written.
    func abandon() {
        for destination in self { destination.abandon() }
    }

    /// Makes a report and writes it to every destination.
    ///
    /// Where it cannot be made, or one cannot be written, what opening the destinations left behind is taken back.
    func deliver(_ make: () async throws -> Report) async throws -> Report {
        do {
            let report = try await make()
            for destination in self { try destination.write(report) }
            return report
        } catch {
            abandon()
            throw error
        }
    }
}

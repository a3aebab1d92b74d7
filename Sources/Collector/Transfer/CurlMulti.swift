import CCurl

/// One libcurl multi handle: a connection cache, and the transfers of the lanes that it serves.
///
/// Belongs to the transfer thread, which also closes it: libcurl allows one thread at a time for a handle.
final class CurlMulti {
    private let handle: UnsafeMutableRawPointer
    private let poller: SocketPoller
    private let index: Int
    /// The time by which libcurl wants ``expire()`` called, unless something happens first.
    private(set) var deadline: Deadline = .never

    enum Deadline {
        case never
        case now
        case at(ContinuousClock.Instant)
    }

    init(index: Int, poller: SocketPoller, connections: Int) throws(TransferClientError) {
        guard let handle = curl_multi_init() else {
            throw .libcurl(call: "curl_multi_init", reason: "out of memory")
        }
        self.handle = handle
        self.poller = poller
        self.index = index
        // Unretained: `close` frees the handle while this object lives, so no callback outlives its context.
        let context = Unmanaged.passUnretained(self).toOpaque()
        let results = [
            buildinfo_curl_multi_set_long(handle, CURLMOPT_MAXCONNECTS, connections),
            buildinfo_curl_multi_set_pointer(handle, CURLMOPT_SOCKETDATA, context),
            buildinfo_curl_multi_set_socket_function(handle) { _, descriptor, interest, context, _ in
                guard let context else { return -1 }
                let multi = Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue()
                multi.poller.watch(descriptor, for: interest, multi: multi.index)
                return 0
            },
            buildinfo_curl_multi_set_pointer(handle, CURLMOPT_TIMERDATA, context),
            buildinfo_curl_multi_set_timer_function(handle) { _, milliseconds, context in
                guard let context else { return -1 }
                let multi = Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue()
                multi.deadline =
                    switch milliseconds {
                    case ..<0: .never
                    case 0: .now
                    default: .at(.now + .milliseconds(milliseconds))
                    }
                return 0
            },
        ]
        if let failed = results.first(where: { $0 != CURLM_OK }) {
            curl_multi_cleanup(handle)
            throw .libcurl(call: "curl_multi_setopt", reason: String(cString: curl_multi_strerror(failed)))
        }
    }

    /// Frees the handle and its kept connections. Requires that no transfer is in progress, and must be the last call.
    func close() {
        curl_multi_cleanup(handle)
    }

    func add(_ easy: UnsafeMutableRawPointer) -> Bool {
        curl_multi_add_handle(handle, easy) == CURLM_OK
    }

    /// Ends the transfer, and with it its connection, if it is in progress.
    func remove(_ easy: UnsafeMutableRawPointer) {
        curl_multi_remove_handle(handle, easy)
    }

    /// Passes an event on a socket to libcurl.
    func act(on event: SocketPoller.Event) {
        var running: Int32 = 0
        curl_multi_socket_action(handle, event.descriptor, event.mask, &running)
    }

    /// Starts added transfers and ends those out of time, once the deadline has passed.
    func expire() {
        var running: Int32 = 0
        deadline = .never
        curl_multi_socket_action(handle, CURL_SOCKET_TIMEOUT, 0, &running)
    }

    /// Takes the next finished transfer, which stays added until ``remove(_:)``.
    func nextFinished() -> (easy: UnsafeMutableRawPointer, code: CURLcode)? {
        var left: Int32 = 0
        while let message = curl_multi_info_read(handle, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            return (easy, message.pointee.data.result)
        }
        return nil
    }
}

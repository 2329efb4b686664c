/* A stream socket of either kind: TCP, or a Unix socket (which libuv calls a pipe). */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include <uv.h>

union socket {
    uv_handle_t handle; /* its `data` is NULL if the socket was never initialised */
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* Command return codes, CXL 3.1 8.2.8.4.5.1. One table: value, name, text, errno of a caller. */
#ifndef CXB_WIRE_RC_H
#define CXB_WIRE_RC_H

#include <errno.h>
#include <stdint.h>

/* clang-format off */
#define CXB_RC_TABLE(X) \
	X(0x00, SUCCESS,             "Success",                         0) \
	X(0x01, BG_STARTED,          "Background command started",      EINPROGRESS) \
	X(0x02, INVALID_INPUT,       "Invalid input",                   EINVAL) \
	X(0x03, UNSUPPORTED,         "Unsupported",                     EOPNOTSUPP) \
	X(0x04, INTERNAL_ERROR,      "Internal error",                  EIO) \
	X(0x05, RETRY,               "Retry required",                  EAGAIN) \
	X(0x06, BUSY,                "Busy",                            EBUSY) \
	X(0x07, MEDIA_DISABLED,      "Media disabled",                  ENODEV) \
	X(0x08, FW_TRANSFER_BUSY,    "FW transfer in progress",         EBUSY) \
	X(0x09, FW_OUT_OF_ORDER,     "FW transfer out of order",        EINVAL) \
	X(0x0a, FW_VERIFY_FAILED,    "FW verification failed",          EINVAL) \
	X(0x0b, INVALID_SLOT,        "Invalid slot",                    EINVAL) \
	X(0x0c, FW_ROLLED_BACK,      "FW activation failed, rolled back", EIO) \
	X(0x0d, FW_COLD_RESET,       "FW activation failed, cold reset required", EIO) \
	X(0x0e, INVALID_HANDLE,      "Invalid handle",                  EINVAL) \
	X(0x0f, INVALID_PA,          "Invalid physical address",        EFAULT) \
	X(0x10, POISON_LIMIT,        "Inject poison limit reached",     ENOSPC) \
	X(0x11, MEDIA_FAILURE,       "Permanent media failure",         EIO) \
	X(0x12, ABORTED,             "Aborted",                         ECANCELED) \
	X(0x13, INVALID_SECURITY,    "Invalid security state",          EPERM) \
	X(0x14, BAD_PASSPHRASE,      "Incorrect passphrase",            EACCES) \
	X(0x15, UNSUPPORTED_CCI,     "Unsupported mailbox or CCI",      EOPNOTSUPP) \
	X(0x16, PAYLOAD_LEN,         "Invalid payload length",          EMSGSIZE) \
	X(0x17, INVALID_LOG,         "Invalid log",                     ENOENT) \
	X(0x18, INTERRUPTED,         "Interrupted",                     EINTR) \
	X(0x19, FEATURE_VERSION,     "Unsupported feature version",     EOPNOTSUPP) \
	X(0x1a, FEATURE_SELECTION,   "Unsupported feature selection value", EOPNOTSUPP) \
	X(0x1b, FEATURE_BUSY,        "Feature transfer in progress",    EBUSY) \
	X(0x1c, FEATURE_OUT_OF_ORDER, "Feature transfer out of order",  EINVAL) \
	X(0x1d, RESOURCES,           "Resources exhausted",             ENOSPC) \
	X(0x1e, INVALID_EXTENTS,     "Invalid extent list",             EINVAL) \
	X(0x1f, OUT_OF_ORDER,        "Transfer out of order",           EINVAL) \
	X(0x20, ABORT_UNSUPPORTED,   "Request abort background not supported", EOPNOTSUPP)

typedef enum {
#define CXB_RC_ENUM(value, name, text, err) CXB_RC_##name = value,
	CXB_RC_TABLE(CXB_RC_ENUM)
#undef CXB_RC_ENUM
	CXB_RC_LATER = 0x10000, /* not on the wire: the command completes later */
} CxbRc;
/* clang-format on */

/** cxb_rc_text() - Never NULL; "unknown return code" for values without a name. */
const char *cxb_rc_text(unsigned rc);
/** cxb_rc_errno() - A positive errno, 0 for success, EIO for unknown values. */
int cxb_rc_errno(unsigned rc);

#endif

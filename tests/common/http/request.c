#include "unit.h"

CU_TestInfo http_request_tests[] = {
	CU_TEST_INFO_NULL,
};
